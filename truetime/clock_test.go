package truetime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/monotonic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFirstAnswerComesWithinOneRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, asSources(fakes(4)))
		_, err := c.Now()
		require.ErrorIs(t, err, ErrNotSynchronized)
		require.Equal(t, Unsynchronized, c.Status().State)

		pass(2 * time.Millisecond)
		i := requireTruth(t, c)
		// δ/2 + E + ρ'δ/2 = 1 ms + 100 µs + 200 ns
		require.InDelta(t, 1_100_200, i.Uncertainty(), 10)
		require.Equal(t, Synchronized, c.Status().State)
	})
}

// Two counters at 150 ppm, within the declared 200, and true time is in every answer.
func TestEveryAnswerContainsTrueTimeThoughTheCounterDrifts(t *testing.T) {
	for _, ppm := range []int64{-150, 150} {
		synctest.Test(t, func(t *testing.T) {
			sources := fakes(4)
			sources[1].there, sources[2].back = 7*time.Millisecond, 9*time.Millisecond // one-sided delays
			sources[3].offset = 250 * time.Millisecond
			c := start(t, asSources(sources), WithCounter(newBubbleCounter(ppm)))
			pass(20 * time.Millisecond)
			last := requireTruth(t, c).Earliest
			for range 5000 {
				time.Sleep(7 * time.Millisecond)
				i := requireTruth(t, c)
				require.GreaterOrEqual(t, i.Earliest, last, "Earliest went back")
				last = i.Earliest
			}
			require.Equal(t, "a=truechimer b=truechimer c=truechimer d=falseticker ", verdicts(c))
			require.EqualValues(t, 1, c.Status().Epoch)
		})
	}
}

func TestBurstThenPollThenBackOffThenRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		c := start(t, asSources(sources), WithPoll(10*time.Second, 80*time.Second), WithBurst(3))
		pass(9 * time.Second)
		require.Equal(t, 3, sources[0].pollsSince(time.Time{}), "a burst, 2 s apart")
		pass(100 * time.Second)
		polls := sources[0].pollsSince(time.Time{})
		require.GreaterOrEqual(t, polls, 11)
		require.LessOrEqual(t, polls, 13)

		sources[0].change(func() { sources[0].silent = true })
		began := time.Now()
		pass(1000 * time.Second)
		require.Less(t, sources[0].pollsSince(began), 20, "asked less and less often")
		require.Equal(t, "a=silent b=truechimer c=truechimer ", verdicts(c))
		require.ErrorIs(t, c.Status().Sources[0].Err, context.DeadlineExceeded)
		requireTruth(t, c)

		sources[0].change(func() { sources[0].silent = false })
		pass(100 * time.Second)
		require.Equal(t, "a=truechimer b=truechimer c=truechimer ", verdicts(c))
		require.NoError(t, c.Status().Sources[0].Err)
	})
}

func TestEverySourceHasItsOwnTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(4)
		sources[0].silent = true
		c := start(t, asSources(sources))
		pass(2 * time.Millisecond)
		requireTruth(t, c)
	})
}

func TestSilentMajorityIsHoldoverAndStaysTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		c := start(t, asSources(sources), WithCounter(newBubbleCounter(-150)))
		pass(10 * time.Second)
		narrow := requireTruth(t, c).Uncertainty()

		for _, s := range sources {
			s.change(func() { s.silent = true })
		}
		for range 1000 {
			time.Sleep(100 * time.Second)
			requireTruth(t, c)
		}
		require.Equal(t, Holdover, c.Status().State)
		wide := requireTruth(t, c).Uncertainty()
		require.InEpsilon(t, float64(narrow)+100_000*200.04e3, float64(wide), 1e-3, "200.04 µs a second for 100 000 s")

		for _, s := range sources {
			s.change(func() { s.silent = false })
		}
		pass(30 * time.Second)
		require.Equal(t, Synchronized, c.Status().State)
		require.Less(t, requireTruth(t, c).Uncertainty(), 5*time.Millisecond)
		require.EqualValues(t, 1, c.Status().Epoch)
	})
}

func TestSourceThatAsksToSlowDownIsAskedLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		sources[0].fail = fmt.Errorf("RATE: %w", ErrSlowDown)
		c := start(t, asSources(sources))
		pass(time.Minute)
		s := c.Status().Sources[0]
		require.Equal(t, Unusable, s.Verdict)
		require.Greater(t, s.Poll, 8*time.Second)

		sources[0].change(func() { sources[0].fail = nil })
		pass(3 * time.Minute)
		requireTruth(t, c)
		require.Equal(t, s.Poll, c.Status().Sources[0].Poll, "it stays slow")
	})
}

func TestSourceThatDeniesServiceIsNotAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(4)
		sources[2].fail = fmt.Errorf("DENY: %w", ErrDenied)
		c := start(t, asSources(sources))
		pass(time.Hour)
		require.Equal(t, 1, sources[2].pollsSince(time.Time{}))
		s := c.Status().Sources[2]
		require.Equal(t, Unusable, s.Verdict)
		require.ErrorIs(t, s.Err, ErrDenied)
		require.Zero(t, s.Poll)
		require.Equal(t, 4, c.Status().Voters, "it keeps its vote")
		requireTruth(t, c)
	})
}

func TestSourcesThatDenyServiceAfterAWhileAreHoldover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		c := start(t, asSources(sources))
		pass(10 * time.Second)
		require.Equal(t, Synchronized, c.Status().State)
		for _, s := range sources {
			s.change(func() { s.fail = ErrDenied })
		}
		pass(10 * time.Second)
		require.Equal(t, Holdover, c.Status().State)
		require.Equal(t, "a=unusable b=unusable c=unusable ", verdicts(c))
		requireTruth(t, c)
	})
}

// Two servers that exclude each other: no answer, and nothing that follows from one.
func TestSourcesThatDisagreeFromTheStartGiveNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(2)
		sources[1].offset = 250 * time.Millisecond
		c := start(t, asSources(sources))
		for range 100 {
			pass(time.Second)
			_, err := c.Now()
			require.ErrorIs(t, err, ErrNotSynchronized)
			require.False(t, c.After(1))
			require.False(t, c.Before(truth().Add(time.Hour)))
		}
		require.Equal(t, "a=undecided b=undecided ", verdicts(c))
		s := c.Status()
		require.EqualValues(t, 1, s.Epoch)
		require.Equal(t, "2 of 2 voters answer, but not with one moment that 2 of them agree on", s.Summary())

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.WaitSynchronized(ctx, time.Hour), ErrNotSynchronized)

		sources[1].change(func() { sources[1].offset = 0 }) // repaired: it contradicts itself, then requalifies
		pass(30 * time.Second)
		requireTruth(t, c)
	})
}

func TestSampleThatExcludesItselfIsUnusable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		sources[0].claim = -2 * time.Millisecond
		c := start(t, asSources(sources))
		pass(10 * time.Second)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrNotSynchronized)
		s := c.Status().Sources[0]
		require.Equal(t, Unusable, s.Verdict)
		require.ErrorContains(t, s.Err, "excludes itself")
	})
}

func TestMajorityOfSourcesThatStepEndsTheEpochAndTheClockRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		var events []Event
		c := start(t, asSources(sources), WithEvents(func(e Event) { events = append(events, e) }))
		pass(10 * time.Second)
		for _, s := range sources {
			s.change(func() { s.offset = time.Second })
		}
		pass(10 * time.Second)
		i, err := c.Now()
		require.NoError(t, err)
		require.True(t, i.Contains(truth().Add(time.Second)), "all of them agree, so that is the truth now")
		s := c.Status()
		require.EqualValues(t, 2, s.Epoch)
		require.Contains(t, s.Disruption, "2 voters contradict themselves")

		var kinds []string
		for _, e := range events {
			if e.Kind == EventState || e.Kind == EventDisruption {
				kinds = append(kinds, e.String())
			}
		}
		require.Equal(t, []string{"clock is synchronized (epoch 1)", "epoch 2 begins: " + s.Disruption, "clock is unsynchronized (epoch 2)", "clock is synchronized (epoch 2)"}, kinds)
	})
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

func TestGroupSharesOneVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(6)
		for _, liar := range sources[:3] {
			liar.offset = 200 * time.Millisecond
		}
		all := append(Group("one operator", asSources(sources[:3])...), asSources(sources[3:])...)
		c := start(t, all)
		pass(time.Second)
		requireTruth(t, c)
		s := c.Status()
		require.Equal(t, 4, s.Voters)
		require.Equal(t, 1, s.Faulty)
		require.Equal(t, "one operator", s.Sources[0].Group)
		require.Equal(t, Falseticker, s.Sources[0].Verdict)
		require.Empty(t, s.Sources[3].Group)
	})
}

// One server under two names would have two votes.
func TestServerUnderTwoNamesHasOneVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		sources[1].offset, sources[2].offset = 250*time.Millisecond, 250*time.Millisecond
		sources[1].peer, sources[2].peer = "192.0.2.7:123", "192.0.2.7:123"
		c := start(t, asSources(sources))
		pass(time.Minute)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrNotSynchronized, "two voters are too few where three are configured")
		unusable := 0
		for _, s := range c.Status().Sources {
			if s.Verdict == Unusable {
				unusable++
				require.ErrorContains(t, s.Err, "it is 192.0.2.7:123, the same server as ")
			}
		}
		require.Equal(t, 1, unusable)
	})
}

func TestAfterAndBeforeAreCertainties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, asSources(fakes(1)))
		require.False(t, c.After(0), "no answer, so nothing is certain")
		require.False(t, c.Before(truth().Add(time.Hour)))
		pass(time.Second)
		i := requireTruth(t, c)
		require.True(t, c.After(i.Earliest-1))
		require.False(t, c.After(i.Earliest))
		require.True(t, c.Before(i.Latest+1))
		require.False(t, c.Before(i.Latest))
	})
}

func TestMaxUncertaintyIsAnErrorAndNotAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		c := start(t, asSources(sources), WithMaxUncertainty(2*time.Millisecond))
		pass(time.Second)
		requireTruth(t, c)
		sources[0].change(func() { sources[0].silent = true })
		pass(time.Minute)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrUncertaintyTooLarge)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorContains(t, c.WaitSynchronized(ctx, time.Millisecond), "and was to be at most 1ms")
		s := c.Status()
		require.ErrorIs(t, s.Err, ErrUncertaintyTooLarge)
		require.Equal(t, Holdover, s.State)
		require.True(t, s.Interval.Contains(truth()), "Status reports it all the same")
		require.Greater(t, s.Uncertainty, 2*time.Millisecond)
	})
}

func TestWaitSynchronized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		sources[0].claim, sources[1].claim = 50*time.Millisecond, 50*time.Millisecond
		sources[2].fail = errors.New("cable cut")
		c := start(t, asSources(sources))

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := c.WaitSynchronized(ctx, time.Hour)
		require.ErrorIs(t, err, ErrNotSynchronized)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "2 of 3 voters answer, and 3 are needed; c: cable cut")

		sources[2].change(func() { sources[2].fail = nil })
		require.NoError(t, c.WaitSynchronized(t.Context(), time.Hour))
		requireTruth(t, c)

		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err = c.WaitSynchronized(ctx, 10*time.Millisecond)
		require.ErrorIs(t, err, ErrUncertaintyTooLarge)
		require.ErrorContains(t, err, "was to be at most 10ms")

		sources[0].change(func() { sources[0].claim = 0 })
		sources[1].change(func() { sources[1].claim = 0 })
		require.NoError(t, c.WaitSynchronized(t.Context(), 10*time.Millisecond))
		require.Less(t, requireTruth(t, c).Uncertainty(), 10*time.Millisecond)

		require.ErrorContains(t, c.WaitSynchronized(t.Context(), 0), "must be above 0")
		go func() {
			time.Sleep(time.Second)
			c.Close()
		}()
		require.ErrorIs(t, c.WaitSynchronized(t.Context(), time.Nanosecond), ErrClosed)
	})
}

// Whoever takes the channel, looks, and then waits, sees every publication.
func TestChangedIsClosedByWhateverIsPublishedNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, asSources(fakes(3)), WithPoll(10*time.Second, 10*time.Second), WithBurst(1))
		began := time.Now()
		for changed := c.Changed(); ; changed = c.Changed() {
			if _, err := c.Now(); err == nil {
				break
			}
			<-changed
		}
		require.Equal(t, 2*time.Millisecond, time.Since(began), "one round trip")

		pass(time.Second)
		changed := c.Changed()
		require.Equal(t, changed, c.Changed(), "the same until something is published")
		select {
		case <-changed:
			t.Fatal("nothing has been published")
		default:
		}
		require.NoError(t, c.Close())
		<-changed
		_, err := c.Now()
		require.ErrorIs(t, err, ErrClosed)
	})
}

func TestCloseEndsEverythingAtOnceAndForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		sources[0].silent = true // a poll is under way
		reported := 0
		c := start(t, asSources(sources), WithEvents(func(Event) { reported++ }))
		pass(time.Second)
		before := time.Now()
		require.NoError(t, c.Close())
		require.Equal(t, before, time.Now(), "nothing was waited for")
		require.NoError(t, c.Close())

		_, err := c.Now()
		require.ErrorIs(t, err, ErrClosed)
		require.Equal(t, Closed, c.Status().State)
		require.False(t, c.After(1))
		require.ErrorIs(t, c.WaitSynchronized(t.Context(), time.Hour), ErrClosed)
		closedAt, polls := reported, sources[1].pollsSince(time.Time{})
		pass(time.Hour)
		require.Equal(t, closedAt, reported)
		require.Equal(t, polls, sources[1].pollsSince(time.Time{}))
	})
}

func TestSlowEventFunctionDelaysNothingAndLosesCountably(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(2)
		sources[1].fail = errors.New("cable cut")
		release := make(chan struct{})
		var events []Event
		c := start(t, asSources(sources), WithEvents(func(e Event) {
			<-release
			events = append(events, e)
		}))
		pass(2 * time.Hour)
		close(release)
		pass(time.Minute)
		sources[1].change(func() { sources[1].fail = nil })
		pass(time.Minute)
		require.NoError(t, c.Close())

		dropped := 0
		for _, e := range events {
			dropped += e.Dropped
		}
		require.Greater(t, dropped, 100)
		require.Equal(t, "clock is closed (epoch 1)", events[len(events)-1].String())
		require.Contains(t, events[0].String(), "source b: cable cut")
	})
}

func TestNowDoesNotAllocate(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	c, err := New([]Source{&answersAtOnce{}}, WithCounter(counter), WithPoll(time.Hour, time.Hour), WithMaxUncertainty(time.Hour))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.WaitSynchronized(t.Context(), time.Hour))
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err := c.Now(); err != nil {
			t.Fatal(err)
		}
	}))
}

// answersAtOnce is a source outside of any bubble.
type answersAtOnce struct{}

func (*answersAtOnce) Name() string { return "at once" }

func (*answersAtOnce) Sample(_ context.Context, counter monotonic.Counter) (Sample, error) {
	s := Sample{Sent: counter.Now(), Latest: 2_000_000_000, Earliest: 1_000_000_000}
	s.Received = counter.Now()
	return s, nil
}

func TestManyGoroutinesUseOneClock(t *testing.T) {
	var sources []Source
	for i := range 5 {
		sources = append(sources, named{&answersAtOnce{}, fmt.Sprint(i)})
	}
	c, err := New(sources, WithPoll(time.Millisecond, time.Millisecond), WithEvents(func(Event) {}))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2000 {
				_, _ = c.Now()
				c.After(1)
				_ = c.Status().Summary()
			}
		})
		wg.Go(func() { _ = c.WaitSynchronized(t.Context(), time.Hour) })
	}
	wg.Wait()
	require.NoError(t, c.Close())
}

type named struct {
	Source
	name string
}

func (n named) Name() string { return n.name }
