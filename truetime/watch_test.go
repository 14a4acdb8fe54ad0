package truetime

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/realtimeclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// fakeMachine is what a localcounter.Watch says.
type fakeMachine struct {
	disruption error
	low, high  float64
}

func (m *fakeMachine) Check() error {
	err := m.disruption
	m.disruption = nil
	return err
}

func (m *fakeMachine) Rate() (low, high float64) { return m.low, m.high }

func (m *fakeMachine) Witness() localcounter.Witness { return localcounter.Witness{} }

// on replaces what watches the clock's machine.
func (m *fakeMachine) on(c *Clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch.machine = m
}

func TestDisruptionOfTheMachineEndsTheEpochBeforeTheNextPollAndNamesItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disruptions []string
		c := start(t, asSources(fakes(3)), WithPoll(time.Minute, time.Minute), WithEvents(func(e Event) {
			if e.Kind == EventDisruption {
				disruptions = append(disruptions, e.String())
			}
		}))
		pass(time.Minute)
		requireTruth(t, c)

		(&fakeMachine{disruption: errors.New("the machine was suspended for about 5s")}).on(c)
		pass(engine.LookEvery)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrNotSynchronized, "long before the next poll")
		s := c.Status()
		require.EqualValues(t, 2, s.Epoch)
		require.Contains(t, s.Disruption, "suspended for about 5s")
		require.Equal(t, []string{"epoch 2 begins: the machine was suspended for about 5s"}, disruptions)
		require.Zero(t, s.Interval)
		for _, source := range s.Sources {
			require.Zero(t, source.Interval, "history is dropped")
		}

		pass(4 * time.Second)
		requireTruth(t, c) // the disruption has brought the polls forward
	})
}

func TestManyDisruptionsOfTheMachineDoNotMakeTheCounterFaulty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, asSources(fakes(3)))
		m := &fakeMachine{}
		m.on(c)
		for range 10 {
			pass(10 * time.Second)
			requireTruth(t, c)
			(&fakeMachine{disruption: errors.New("suspended")}).on(c)
		}
		pass(10 * time.Second)
		requireTruth(t, c)
		require.EqualValues(t, 11, c.Status().Epoch)
	})
}

// A sample that was under way when the machine was disrupted belongs to neither epoch.
func TestSampleThatSpansADisruptionIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		sources[0].there = 200 * time.Millisecond
		c := start(t, asSources(sources), WithPoll(time.Minute, time.Minute), WithBurst(1))
		pass(100 * time.Millisecond)
		(&fakeMachine{disruption: errors.New("restored from a snapshot")}).on(c)
		pass(150 * time.Millisecond)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrNotSynchronized)
		require.ErrorContains(t, c.Status().Sources[0].Err, "begun before the last disruption")
		pass(4 * time.Second)
		requireTruth(t, c)
	})
}

func TestRateOfTheCounterIsAddedToTheDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The counter runs 300 ppm fast, which is too much, but it is known to: against a reference that
		// is within 200 ppm.
		sources := fakes(3)
		c := start(t, asSources(sources), WithCounter(newBubbleCounter(300)))
		(&fakeMachine{low: 290e-6, high: 310e-6}).on(c)
		pass(10 * time.Second)
		for _, s := range sources {
			s.change(func() { s.silent = true })
		}
		for range 1000 {
			time.Sleep(10 * time.Second)
			requireTruth(t, c)
		}
		low, high := c.Status().RateLowPPM, c.Status().RateHighPPM
		require.LessOrEqual(t, low, -299.0)
		require.GreaterOrEqual(t, high, -301.0)
	})
}

func TestGapInWhichNobodyRanEndsTheEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counter := &steppedCounter{bubbleCounter: newBubbleCounter(0)}
		c := start(t, asSources(fakes(3)), WithCounter(counter), WithPoll(time.Minute, time.Minute))
		pass(10 * time.Second)
		requireTruth(t, c)
		counter.step(6 * time.Second) // the counter went on and nobody was there to see it
		pass(engine.LookEvery)
		require.EqualValues(t, 2, c.Status().Epoch)
		require.Contains(t, c.Status().Disruption, "nothing of this process ran for 7")
		pass(10 * time.Second)
		i, err := c.Now()
		require.NoError(t, err)
		require.True(t, i.Contains(truth()))
	})
}

func TestStatusSaysWhichCounterIsRead(t *testing.T) {
	c, err := New([]Source{&answersAtOnce{}})
	require.NoError(t, err)
	defer c.Close()
	system, err := monotonic.System()
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(system)[:8], c.Status().Counter[:8])

	own, err := New([]Source{&answersAtOnce{}}, WithCounter(newBubbleCounter(0)))
	require.NoError(t, err)
	defer own.Close()
	require.Equal(t, "a counter of type truetime.bubbleCounter, not watched for disruptions", own.Status().Counter)
	require.NotContains(t, c.Status().Counter, "not watched for disruptions")

	wrapped, err := New([]Source{&answersAtOnce{}}, WithCounter(struct{ monotonic.Counter }{system}))
	require.NoError(t, err)
	defer wrapped.Close()
	require.Contains(t, wrapped.Status().Counter, ", not watched for disruptions", "though it is the machine's within")
}

// The rate of the machine's counter is measured before the first answer rests on it.
func TestFirstAnswerKnowsTheRateOfTheCounter(t *testing.T) {
	c, err := New([]Source{&answersAtOnce{}}, WithPoll(time.Hour, time.Hour), WithBurst(1))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.WaitSynchronized(t.Context(), time.Hour))
	s := c.Status()
	require.Greater(t, s.RateLowPPM, -200.04-500)
	require.Less(t, s.RateHighPPM, 200.04+500)
}

// resolving is a counter whose ticks become longer.
type resolving struct {
	bubbleCounter
	resolution *time.Duration
}

func (r resolving) Resolution() time.Duration { return *r.resolution }

// The kernel falls back to a coarser clocksource: the clock allows for that from then on.
func TestClockFollowsTheResolutionOfItsCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolution := time.Nanosecond
		c := start(t, asSources(fakes(1)), WithCounter(resolving{newBubbleCounter(0), &resolution}), WithBurst(1), WithPoll(time.Minute, time.Minute),
			WithDrift(0.01)) // so that the interval hardly widens by itself
		pass(2 * time.Millisecond)
		fine := requireTruth(t, c).Width()
		pass(10 * time.Second)
		c.mu.Lock()
		resolution = 100 * time.Microsecond
		c.mu.Unlock()
		(&fakeMachine{disruption: errors.New("clocksource changed")}).on(c)
		pass(2 * time.Minute)
		require.EqualValues(t, 2, c.Status().Epoch)
		coarse := requireTruth(t, c)
		require.Greater(t, coarse.Width(), fine+199*time.Microsecond, "100 µs at either end")
	})
}

func TestSourcesNeverShareAWakeUpAtTheCostOfTheShortestInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(4)
		for i, s := range sources {
			s.there = time.Duration(i*7+1) * time.Millisecond
		}
		start(t, asSources(sources), WithPoll(100*time.Millisecond, 100*time.Millisecond))
		pass(10 * time.Minute)
		for _, s := range sources {
			s.mu.Lock()
			for i := 1; i < len(s.polls); i++ {
				between := s.polls[i].Sub(s.polls[i-1]) - s.there - s.back
				require.GreaterOrEqual(t, between, 100*time.Millisecond)
				require.LessOrEqual(t, between, 111*time.Millisecond)
			}
			s.mu.Unlock()
		}
	})
}

// A publication that brings nothing new must not move the lower line back, at one and the same
// reading, though bounds and lines are rounded differently.
func TestPublicationsNeverMoveTheLowerLineBack(t *testing.T) {
	c, err := New([]Source{&answersAtOnce{}}, WithPoll(time.Hour, time.Hour), WithBurst(1))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.WaitSynchronized(t.Context(), time.Hour))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.published.Load().hardware == nil {
		t.Skip("the processor's counter cannot be used here, and others are rounded alike")
	}
	for range 20_000 {
		before := c.published.Load()
		c.publishLocked(c.counter.Now())
		after := c.published.Load()
		raw := after.hardware.Ticks()
		was, _ := before.Ahead.At(raw)
		is, _ := after.Ahead.At(raw)
		require.GreaterOrEqual(t, is, was)
	}
}

func TestCounterThatGoesBackIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counter := &steppedCounter{bubbleCounter: newBubbleCounter(0)}
		c := start(t, asSources(fakes(1)), WithCounter(counter))
		pass(10 * time.Second)
		requireTruth(t, c)
		counter.step(-time.Hour)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrNotSynchronized, "before any poll has noticed")
		pass(10 * time.Second)
		requireTruth(t, c)
		require.EqualValues(t, 2, c.Status().Epoch)
		require.Contains(t, c.Status().Disruption, "the counter went back by 59m")
	})
}

// steppedCounter can be made to jump.
type steppedCounter struct {
	bubbleCounter
	mu    sync.Mutex
	extra time.Duration
}

func (c *steppedCounter) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra += d
}

func (c *steppedCounter) Now() monotonic.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bubbleCounter.Now().Add(c.extra)
}

func TestCounterOutOfItsDriftIsCalledFaulty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, asSources(fakes(3)), WithCounter(newBubbleCounter(5000)))
		pass(10 * time.Minute)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrClockFaulty)
		require.Equal(t, ClockFaulty, c.Status().State)
		require.Contains(t, c.Status().Summary(), "the local counter runs outside its drift, or more than 1 of 3 voters are wrong")
	})
}

// The real-time clock of a virtual machine goes on while that is stopped.
func TestARealTimeClockThatHasGainedEndsTheEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, asSources(fakes(3)), WithPoll(time.Minute, time.Minute))
		pass(time.Minute)
		var stopped atomic.Int64
		c.mu.Lock()
		c.watch.realTime = realtimeclock.New(func() (int64, error) { return time.Now().Unix() + stopped.Load(), nil }, c.counter.Now)
		c.mu.Unlock()
		pass(10 * time.Second)
		requireTruth(t, c)
		require.Contains(t, c.Status().Counter, "real-time clock watched")

		stopped.Store(60)
		pass(engine.LookEvery + time.Second) // it is read once a second at most
		s := c.Status()
		require.EqualValues(t, 2, s.Epoch)
		require.Contains(t, s.Disruption, "real-time clock has gained 5") // 58 s or more
	})
}
