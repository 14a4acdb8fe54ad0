package ntpsrc_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// Two chronyds that serve this host's clock, one that follows such a one and one that proves who it is
// state their error finely. The host's clock is in every interval all the same.
func TestHostClockIsInEveryIntervalByFineBounds(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	t.Parallel()
	authority := testbed.NewAuthority(t)
	secured := testbed.StartNTSChronyd(t, authority.Issue("127.0.0.1", time.Now().Add(validFor)))
	sources := []truetime.Source{
		ntpsrc.NTS(secured.KeyExchange(), ntpsrc.WithTLSConfig(authority.ClientConfig()), ntpsrc.WithLocalReference(), ntpsrc.WithFineBounds()),
	}
	first := testbed.StartChronyd(t)
	for _, address := range []string{first.Address(), testbed.StartChronyd(t).Address(), testbed.StartFollower(t, first.Address(), -4).Address()} {
		sources = append(sources, ntpsrc.Server(address, ntpsrc.WithLocalReference(), ntpsrc.WithFineBounds()))
	}
	clock, err := truetime.New(sources,
		truetime.WithCounter(newSkewed(t, 150)),
		truetime.WithPoll(50*time.Millisecond, 200*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	require.NoError(t, clock.WaitSynchronized(t.Context(), 100*time.Millisecond))
	readUntil(t, clock, "fine bounds of those that serve their own clock", func(s truetime.Status) bool {
		for _, source := range s.Sources[:3] {
			if source.Claim > 5*time.Microsecond {
				return false
			}
		}
		return true
	})
	var epsilon []time.Duration
	for range 4000 {
		epsilon = append(epsilon, testbed.RequireTruth(t, clock).Uncertainty())
		time.Sleep(100 * time.Microsecond)
	}
	slices.Sort(epsilon)
	t.Logf("%d answers, ε median %v, largest %v", len(epsilon), epsilon[len(epsilon)/2], epsilon[len(epsilon)-1])
	status := clock.Status()
	require.EqualValues(t, 1, status.Epoch)
	for _, s := range status.Sources {
		require.Equal(t, truetime.Truechimer, s.Verdict, s.Name)
		t.Logf("%s: E %v, δ %v", strings.TrimPrefix(s.Name, "nts://"), s.Claim, s.Delay)
	}
}

// ntpsec drops requests with fields that it does not know. It is a server like any other, and after a
// few polls it is asked plainly.
func TestNTPsecIsUsedWithoutFineBounds(t *testing.T) {
	t.Parallel()
	address := testbed.StartNTPsec(t).Address()
	source := ntpsrc.Server(address, ntpsrc.WithLocalReference(), ntpsrc.WithFineBounds())
	counter := newSkewed(t, 0)
	inARow, unanswered := 0, 0
	for inARow < 6 { // while there are questions every second poll is one
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		sample, err := source.Sample(ctx, counter)
		cancel()
		if err != nil {
			inARow, unanswered = 0, unanswered+1
			require.Less(t, unanswered, 50, "%v", err)
			continue
		}
		inARow++
		require.Greater(t, sample.Claim, 22*time.Microsecond)
	}
	t.Logf("%d polls got no sample", unanswered)
}
