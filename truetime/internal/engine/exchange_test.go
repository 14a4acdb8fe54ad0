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

// Nor is one that has denied service, and is asked by its own calendar: a new epoch brings its poll forward by nothing.
func TestASourceThatHasDeniedServiceIsNotAskedTwiceAroundADisruption(t *testing.T) {
	spec := discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}
	e := New(Config{
		Discipline: discipline.Config{Counter: spec, Voter: []int{0}},
		Poll:       polling.Config{Min: 16 * time.Second, Max: time.Minute, Burst: 1},
	})
	now := monotonic.Instant(0)
	_ = e.Finish(0, e.Begin(0, now), Reply{Outcome: Denied}, now)
	require.Greater(t, e.Due(0).Sub(now), time.Hour)
	now = e.Due(0)
	begun := e.Begin(0, now)
	e.Look(now, spec, "the machine was suspended")
	served := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	facts := discipline.Facts{Upper: discipline.Point{At: now, Time: served}, Lower: discipline.Point{At: now, Time: served}}
	require.ErrorIs(t, e.Finish(0, begun, Reply{Facts: facts}, now), discipline.ErrOtherEpoch)
	require.GreaterOrEqual(t, e.Due(0).Sub(now), time.Second)
}

// A counter's zero is arbitrary, and so is the sign of its readings.
func TestASampleOfAnyAgeIsHeldAgainstTheBeginningOfTheEpoch(t *testing.T) {
	for _, began := range []monotonic.Instant{-1 << 62, -5, 0, 5, 1 << 62} {
		for age, old := range map[time.Duration]bool{-1: false, 0: false, time.Second: false, time.Second + 1: true, 1<<63 - 1: true} {
			e := New(Config{
				Discipline: discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}, Voter: []int{0}},
				Poll:       polling.Config{Min: 16 * time.Second, Max: time.Minute, Burst: 1}, Now: began,
			})
			now, served := began.Add(time.Second), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).UnixNano()
			facts := discipline.Facts{Upper: discipline.Point{At: now, Time: served}, Lower: discipline.Point{At: now, Time: served}}
			err := e.Finish(0, e.Begin(0, now), Reply{Facts: facts, Age: age}, now)
			if !old {
				require.NoError(t, err, "%v at %d", age, began)
				continue
			}
			require.ErrorIs(t, err, ErrOlderThanEpoch, "%v at %d", age, began)
		}
	}
}
