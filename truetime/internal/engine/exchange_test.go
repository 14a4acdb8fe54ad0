package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// A source whose exchange began before a disruption is not asked again the moment that it ends, also where the
// counter is so faulty that nobody is asked anew.
func TestAnExchangeThatSpansAnEpochIsNotRepeatedAtOnce(t *testing.T) {
	e := New(Config{
		Discipline: discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}, Voter: []int{0, 1}},
		Poll:       polling.Config{Min: 16 * time.Second, Max: time.Minute, Burst: 1},
	})
	now := monotonic.Instant(0)
	say := func(offset time.Duration) {
		now = now.Add(time.Millisecond)
		at := int64(now) + int64(offset)
		reply := Reply{Facts: discipline.Facts{Upper: discipline.Point{At: now, Time: at + 1000}, Lower: discipline.Point{At: now, Time: at - 1000}}}
		_ = e.Finish(0, e.Begin(0, now), reply, now)
	}
	for range 5 {
		now = now.Add(time.Minute) // it is due
		begun := e.Begin(1, now)
		for epoch := e.Discipline().Epoch(); e.Discipline().Epoch() == epoch; {
			say(0)
			say(time.Second) // it contradicts itself
		}
		_ = e.Finish(1, begun, Reply{Outcome: TimedOut}, now)
		require.GreaterOrEqual(t, e.Due(1).Sub(now), time.Second, "state %v", e.State())
	}
	require.Equal(t, Faulty, e.State())
}
