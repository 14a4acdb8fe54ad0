package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
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
	require.Equal(t, ClockFaulty, e.State())
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

// A counter's zero is arbitrary, and so is the sign of its readings. Before the first epoch there was no disruption.
func TestASampleOfAnyAgeIsHeldAgainstTheBeginningOfTheEpoch(t *testing.T) {
	spec := discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}
	for _, began := range []monotonic.Instant{-1 << 62, -5, 0, 5, 1 << 62} {
		for age, old := range map[time.Duration]bool{-1: false, 0: false, time.Second: false, time.Second + 1: true, 1<<63 - 1: true} {
			e := New(Config{
				Discipline: discipline.Config{Counter: spec, Voter: []int{0}},
				Poll:       polling.Config{Min: 16 * time.Second, Max: time.Minute, Burst: 1}, Now: began,
			})
			now, served := began.Add(time.Second), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).UnixNano()
			facts := discipline.Facts{Upper: discipline.Point{At: now, Time: served}, Lower: discipline.Point{At: now, Time: served}}
			require.NoError(t, e.Finish(0, e.Begin(0, now), Reply{Facts: facts, Age: age}, now), "%v at %d", age, began)
			e.Look(now, spec, "the machine was restored")
			now = now.Add(time.Second)
			facts.Upper.At, facts.Lower.At = now, now
			err := e.Finish(0, e.Begin(0, now), Reply{Facts: facts, Age: age}, now)
			if !old {
				require.NoError(t, err, "%v at %d", age, began)
				continue
			}
			require.ErrorIs(t, err, ErrOlderThanEpoch, "%v at %d", age, began)
		}
	}
}

// What a source has said is taken back with what it follows from. As long as no more than f are wrong the others have seen to
// it that the answer is true. Otherwise it may be made of nothing else.
func TestWhatIsTakenBackMakesNoAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		voters, liars int
		epoch         uint64
	}{
		"the only one":      {voters: 1, liars: 1, epoch: 2},
		"one of three":      {voters: 3, liars: 1, epoch: 1},
		"two of three":      {voters: 3, liars: 2, epoch: 2},
		"one without a say": {voters: 1, liars: 1, epoch: 1},
	} {
		t.Run(name, func(t *testing.T) {
			spec := discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}
			var voter []int
			for i := range c.voters {
				voter = append(voter, i)
			}
			if name == "one without a say" {
				voter = []int{discipline.NoVote, 0}
			}
			e := New(Config{
				Discipline: discipline.Config{Counter: spec, Faulty: (c.voters - 1) / 2, Voter: voter},
				Poll:       polling.Config{Min: time.Second, Max: time.Minute, Burst: 1},
				Scale:      []leap.Scale{leap.ScaleUTCSmeared, leap.ScaleUTCSmeared, leap.ScaleUTCSmeared}[:len(voter)],
			})
			now := monotonic.Instant(0)
			poll := func(i int, r Reply) error {
				now = now.Add(time.Second)
				e.Look(now, spec, "")
				off := time.Duration(0)
				if i < c.liars {
					off = 3 * time.Millisecond
				}
				at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).UnixNano() + int64(now)
				r.Facts = discipline.Facts{Upper: discipline.Point{At: now, Time: at + int64(off) + 1000}, Lower: discipline.Point{At: now, Time: at + int64(off) - 1000}}
				err := e.Finish(i, e.Begin(i, now), r, now)
				if bounds, ok := e.Discipline().Bounds(); ok && r.Outcome == Retracted && i == c.liars-1 { // before that more are wrong than it knows
					answer := bounds.At(now)
					require.LessOrEqual(t, answer.Lo, at)
					require.GreaterOrEqual(t, answer.Hi, at)
				}
				return err
			}
			for i := range voter {
				require.NoError(t, poll(i, Reply{}))
			}
			_, ok := e.Discipline().Bounds()
			require.True(t, ok)
			for range 3 {
				for i := range c.liars {
					require.NoError(t, poll(i, Reply{Outcome: Retracted}))
				}
			}
			require.Equal(t, c.epoch, e.Discipline().Epoch(), "and no more than once: %v", e.Discipline().LastDisruption())
			if c.epoch == 1 {
				require.Equal(t, discipline.Convicted, e.Discipline().Verdict(0))
			}
		})
	}
}

func TestAnOutcomeIsTheKindOfTheError(t *testing.T) {
	for err, want := range map[error]Outcome{
		nil: Answered, ErrUnusable: Unusable, ErrRetracted: Retracted, ErrSlowDown: SlowDown, ErrDenied: Denied,
		errors.New("unknown"): Failed, fmt.Errorf("%w: it is nearer", ErrRetracted): Retracted,
	} {
		require.Equal(t, want, OutcomeOf(err, false), "%v", err)
	}
	require.ErrorIs(t, ErrRetracted, ErrUnusable)
}

// The refusal takes new samples to end.
func TestACounterThatGoesBackWhileItIsRefusedDoesNotStopThePolls(t *testing.T) {
	spec := discipline.CounterSpec{Drift: discipline.NewDrift(200_000), Resolution: 1}
	e := New(Config{
		Discipline: discipline.Config{Counter: spec, Voter: []int{0}},
		Poll:       polling.Config{Min: time.Second, Max: time.Minute, Burst: 1},
	})
	now := monotonic.Instant(0)
	for k := range 8 {
		now = now.Add(time.Second)
		e.Look(now, spec, "")
		at := int64(now) + int64(k%2)*int64(time.Hour)
		_ = e.Finish(0, e.Begin(0, now), Reply{Facts: discipline.Facts{
			Upper: discipline.Point{At: now, Time: at + 1000}, Lower: discipline.Point{At: now, Time: at - 1000},
		}}, now)
	}
	require.Equal(t, ClockFaulty, e.State())
	now = now.Add(-time.Hour)
	e.Look(now, spec, "")
	require.LessOrEqual(t, e.Due(0).Sub(now), 2*time.Minute)
}
