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

func TestSilentMajorityIsHoldoverAndStaysTrue(t *testing.T) {
	t.Parallel()
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

// Two servers that exclude each other, and none may be wrong: whichever answers first is believed until the other has, and after
// a few epochs neither is.
func TestSourcesThatDisagreeFromTheStartAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(2)
		sources[1].offset = 250 * time.Millisecond
		c := start(t, asSources(sources))
		pass(20 * time.Second)
		for range 100 {
			pass(time.Second)
			_, err := c.Now()
			require.ErrorIs(t, err, ErrClockFaulty)
			require.False(t, c.After(1))
			require.False(t, c.Before(truth().Add(time.Hour)))
		}
		require.Contains(t, c.Status().Summary(), "more than 0 of 2 voters are wrong")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.WaitSynchronized(ctx, time.Hour), ErrClockFaulty)
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
		sources[1].fail, sources[2].fail = errors.New("cable cut"), errors.New("cable cut")
		c := start(t, asSources(sources))

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := c.WaitSynchronized(ctx, time.Hour)
		require.ErrorIs(t, err, ErrNotSynchronized)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "1 of 3 voters heard, and 2 are needed; b: cable cut; c: cable cut")

		sources[1].change(func() { sources[1].fail = nil })
		require.NoError(t, c.WaitSynchronized(t.Context(), time.Hour))
		requireTruth(t, c)
		require.Equal(t, Synchronized, c.Status().State)
		require.Equal(t, "answering, 2 of 3 voters heard; c: cable cut", c.Status().Summary())
		sources[2].change(func() { sources[2].fail = nil })
		pass(time.Minute)
		require.Empty(t, c.Status().Summary())

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

func (*answersAtOnce) Info() SourceInfo { return SourceInfo{Name: "at once"} }

func (*answersAtOnce) Sample(_ context.Context, counter monotonic.Counter) (Sample, error) {
	s := Sample{Sent: counter.Now(), Latest: builtSince + 2_000_000_000, Earliest: builtSince + 1_000_000_000}
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

func (n named) Info() SourceInfo { return SourceInfo{Name: n.name} }
