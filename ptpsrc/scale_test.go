package ptpsrc

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// remembering is a source that remembers what it has passed on of UTC.
type remembering struct {
	*unicast
	mu   sync.Mutex
	seen map[time.Duration]bool
}

func (r *remembering) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	s, err := r.unicast.Sample(ctx, counter)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[s.TAIOffset] = true
	return s, err
}

func (r *remembering) offsets() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// A clock has a leap second table of its own, so that a grandmaster may announce of UTC what it
// likes, and each time something else.
func TestClockTakesUTCFromItsTableAndNotFromAGrandmaster(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := newBed(t, func(g *fakeGM) {
		g.onAnnounce = func(a *protocol.Announce) bool {
			a.CurrentUTCOffset = []int16{37, 36, 38, 0, -1, 5, 32767, -32768}[random.IntN(8)]
			a.FlagField = protocol.FlagUnicast | protocol.FlagPTPTimescale
			for _, flag := range []uint16{protocol.FlagCurrentUtcOffsetValid, protocol.FlagTimeTraceable, protocol.FlagLeap61, protocol.FlagLeap59} {
				if random.IntN(2) == 0 {
					a.FlagField |= flag
				}
			}
			return true
		}
	})
	source := &remembering{unicast: b.source().(*unicast), seen: map[time.Duration]bool{}}
	clock, err := truetime.New([]truetime.Source{source}, truetime.WithCounter(b.counter), truetime.WithPlausibleSince(fakeUTC), truetime.WithPoll(10*time.Millisecond, 20*time.Millisecond))
	require.NoError(t, err)
	defer clock.Close()
	require.NoError(t, clock.WaitSynchronized(t.Context(), time.Second))
	for deadline := time.Now().Add(2 * time.Minute); source.offsets() < 7; time.Sleep(time.Millisecond) {
		before := time.Duration(b.counter.Now())
		utc, err := clock.Now()
		require.NoError(t, err)
		tai, err := clock.NowTAI()
		require.NoError(t, err)
		after := time.Duration(b.counter.Now())
		require.True(t, utc.Latest >= fakeUTC.Add(before) && utc.Earliest <= fakeUTC.Add(after), "%v is not in %v: %+v", fakeUTC.Add(before), utc, clock.Status())
		require.True(t, truetime.Time(tai.Latest) >= trueTAI.Add(before) && truetime.Time(tai.Earliest) <= trueTAI.Add(after), "%v is not in %v", trueTAI.Add(before), tai)
		s := clock.Status().Sources[0]
		if !errors.Is(s.Err, context.DeadlineExceeded) { // on a busy machine a poll may be late
			require.NoError(t, s.Err)
			require.Equal(t, truetime.Truechimer, s.Verdict, "%+v", s)
		}
		require.True(t, time.Now().Before(deadline), "only %d UTC offsets were seen", source.offsets())
	}
}
