package bench

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// BenchmarkNTSPoll is one poll of one chronyd on loopback, plain and authenticated. The round-trip
// delay is reported as its median.
func BenchmarkNTSPoll(b *testing.B) {
	authority := testbed.NewAuthority(b)
	server := testbed.StartNTSChronyd(b, authority.Issue("127.0.0.1", time.Now().Add(time.Hour)))
	counter, err := monotonic.System()
	require.NoError(b, err)
	for _, c := range []struct {
		name   string
		source truetime.Source
	}{
		{"plain", ntpsrc.Server(server.Address(), ntpsrc.WithLocalReference())},
		{"NTS", ntpsrc.NTS(server.KeyExchange(), ntpsrc.WithTLSConfig(authority.ClientConfig()), ntpsrc.WithLocalReference())},
	} {
		b.Run(c.name, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
			defer cancel()
			_, err := c.source.Sample(ctx, counter) // exchanges keys
			require.NoError(b, err)
			b.ReportAllocs()
			var delays []time.Duration
			for b.Loop() {
				sample, err := c.source.Sample(ctx, counter)
				if err != nil {
					b.Fatal(err)
				}
				delays = append(delays, sample.Delay)
			}
			slices.Sort(delays)
			b.ReportMetric(float64(delays[len(delays)/2]), "δ-ns")
		})
	}
}
