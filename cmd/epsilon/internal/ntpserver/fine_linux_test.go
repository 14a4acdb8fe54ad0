package ntpserver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/ntpsrc"
)

// A client that asks for finer bounds learns the interval of the clock to some nanoseconds, and both
// its facts are true, with true time at either end of the interval, with the kernel's stamps and without.
func TestClientLearnsTheIntervalToSomeNanoseconds(t *testing.T) {
	w := newTruth(t)
	for name, clock := range map[string]edge{
		"true time is Earliest": {w, 0, 40 * time.Microsecond},
		"true time is Latest":   {w, 40 * time.Microsecond, 0},
		"exact":                 {w, 0, 0},
		"an odd width":          {w, 1234567, 7654320},
	} {
		for _, program := range []bool{false, true} {
			server := start(t, ntpserver.Config{Reader: clock, Listen: anyPort(), Upstream: ntpserver.Fixed(1, ntpserver.OwnReference), ProgramStamps: program})
			source := ntpsrc.Server(server.Addr()[0].String(), ntpsrc.WithFineBounds())
			plain, err := source.Sample(t.Context(), w.raw)
			require.NoError(t, err)
			half := (clock.early + clock.late + 1) / 2
			var fine time.Duration
			for range 500 {
				s, err := source.Sample(t.Context(), w.raw)
				require.NoError(t, err)
				if s.Latest < w.epoch.Add(s.Sent.Sub(w.began)) || s.Earliest > w.epoch.Add(s.Received.Sub(w.began)) {
					t.Fatalf("%s, program stamps %v: sent at %v, received at %v, and the sample says %v and %v", name, program, s.Sent.Sub(w.began), s.Received.Sub(w.began), s.Latest.Sub(w.epoch), s.Earliest.Sub(w.epoch))
				}
				fine = s.Claim
				require.GreaterOrEqual(t, s.Claim, half, name)
				require.LessOrEqual(t, s.Claim, half+4*time.Nanosecond, name)
			}
			answered(t, server, 501)
			t.Logf("%s, program stamps %v: E is %v by the header, %v by the field", name, program, plain.Claim, fine)
		}
	}
}
