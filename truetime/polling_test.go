package truetime

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// How the clock and its pollers treat what happens to a poll.

func TestOneLostDatagramChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		changes := 0
		c := start(t, asSources(sources), WithEvents(func(e Event) {
			if e.Kind == EventState || e.Kind == EventVerdict {
				changes++
			}
		}))
		pass(10 * time.Second)
		before := changes
		for range 2 { // two in a row of each
			for _, s := range sources {
				s.change(func() { s.fail = errors.New("lost") })
			}
			pass(1050 * time.Millisecond)
			for _, s := range sources {
				s.change(func() { s.fail = nil })
			}
			pass(10 * time.Second)
		}
		require.Equal(t, before, changes)
		require.Equal(t, Synchronized, c.Status().State)
	})
}

func TestHoldoverBeginsWhenNoMoreThanFVotersAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(5)
		c := start(t, asSources(sources))
		pass(10 * time.Second)
		for down, want := range []State{Synchronized, Synchronized, Synchronized, Holdover, Holdover, Holdover} {
			if down > 0 {
				s := sources[down-1]
				s.change(func() { s.silent = true })
			}
			pass(2 * time.Minute)
			require.Equal(t, want, c.Status().State, "%d of 5 are down", down)
			requireTruth(t, c)
		}
		require.Equal(t, "0 of 5 voters answer, and 3 are needed to end the holdover", c.Status().Summary()[:len("0 of 5 voters answer, and 3 are needed to end the holdover")])
	})
}

// Of the sources of a group fewer than half may be wrong, and one more than that make it answer.
func TestGroupIsDownWhenNoMoreOfItAnswerThanMayBeWrong(t *testing.T) {
	for n, up := range map[int]int{2: 1, 3: 2, 4: 2, 5: 3} {
		synctest.Test(t, func(t *testing.T) {
			sources := fakes(n)
			c := start(t, Group("operator", asSources(sources)...))
			pass(10 * time.Second)
			for down := range n {
				pass(2 * time.Minute)
				want := Synchronized
				if n-down < up {
					want = Holdover
				}
				require.Equal(t, want, c.Status().State, "%d of %d are down", down, n)
				sources[down].change(func() { sources[down].silent = true })
			}
		})
	}
}

// A source that takes 1.5 s is not heard within the first timeout of 1 s, and is found by doubling it.
func TestTimeoutGrowsUntilASlowSourceIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		sources[0].there, sources[0].back = 750*time.Millisecond, 750*time.Millisecond
		c := start(t, asSources(sources))
		pass(time.Minute)
		requireTruth(t, c)
		require.Equal(t, uint8(0xff), c.Status().Sources[0].Reach, "and then every time")
	})
}

// An answer that cannot be used is no reason to wait longer for the next one.
func TestUnusableAnswersDoNotLengthenTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		c := start(t, asSources(sources))
		pass(10 * time.Second)
		sources[0].change(func() { sources[0].fail = ErrUnusable })
		pass(time.Minute)
		sources[0].change(func() { sources[0].silent = true })
		began := time.Now()
		pass(2 * time.Minute)
		c.mu.Lock()
		defer c.mu.Unlock()
		require.Positive(t, sources[0].pollsSince(began))
		require.Equal(t, 5*time.Second, c.engine.Begin(0, c.counter.Now()).Timeout, "only silence does")
	})
}

func TestDisruptionIsFollowedByABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		c := start(t, asSources(sources), WithPoll(time.Minute, time.Minute), WithBurst(4))
		pass(5 * time.Minute)
		(&fakeMachine{disruption: errors.New("suspended")}).on(c)
		began := time.Now()
		pass(engine.LookEvery + 10*time.Second)
		for _, s := range sources {
			require.Equal(t, 4, s.pollsSince(began))
		}
	})
}

// A counter that is out of its drift for good costs the servers no more than an ordinary clock.
func TestFaultyCounterDoesNotHammerTheServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		c := start(t, asSources(sources), WithCounter(newBubbleCounter(5000)), WithPoll(10*time.Second, time.Minute))
		pass(10 * time.Minute)
		require.Equal(t, ClockFaulty, c.Status().State)
		began := time.Now()
		pass(time.Hour)
		require.LessOrEqual(t, sources[0].pollsSince(began), 361)
	})
}

// A slow exchange is under way when the counter steps back and another source's poll notices. What it
// measured belongs to neither epoch.
func TestSlowSampleAcrossACounterStepIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(2)
		sources[0].there, sources[0].back = 0, 900*time.Millisecond
		counter := &steppedCounter{bubbleCounter: newBubbleCounter(0)}
		c := start(t, asSources(sources), WithCounter(counter), WithPoll(50*time.Millisecond, 50*time.Millisecond))
		pass(500 * time.Millisecond)
		counter.step(-300 * time.Millisecond)
		pass(450 * time.Millisecond)
		require.EqualValues(t, 2, c.Status().Epoch)
		require.ErrorIs(t, c.Status().Sources[0].Err, ErrUnusable)
		require.ErrorContains(t, c.Status().Sources[0].Err, "begun before the last disruption")
	})
}

func TestCounterStepIsNoticedThoughNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		counter := &steppedCounter{bubbleCounter: newBubbleCounter(0)}
		c := start(t, asSources(sources), WithCounter(counter))
		pass(10 * time.Second)
		sources[0].change(func() { sources[0].fail = errors.New("cable cut") })
		counter.step(-time.Hour)
		pass(2 * time.Second)
		require.EqualValues(t, 2, c.Status().Epoch)
	})
}

func TestLiarIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		sources[1].offset = time.Second
		var reported []string
		start(t, asSources(sources), WithEvents(func(e Event) {
			if e.Kind == EventVerdict {
				reported = append(reported, e.String())
			}
		}))
		pass(10 * time.Second)
		require.Contains(t, reported, "source b is falseticker")
	})
}

func TestCloseWaitsForSourcesThatAreSlowToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := false
		c := start(t, []Source{slowToEnd{&back}})
		pass(time.Millisecond)
		require.NoError(t, c.Close())
		require.True(t, back)
	})
}

// slowToEnd returns 10 ms after its context has ended.
type slowToEnd struct{ back *bool }

func (slowToEnd) Info() SourceInfo { return SourceInfo{Name: "slow to end"} }

func (s slowToEnd) Sample(ctx context.Context, _ monotonic.Counter) (Sample, error) {
	<-ctx.Done()
	time.Sleep(10 * time.Millisecond)
	*s.back = true
	return Sample{}, ctx.Err()
}

func TestSampleWithoutATimeIsUnusable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, []Source{empty{}})
		pass(time.Second)
		require.ErrorContains(t, c.Status().Sources[0].Err, "no time in it")
	})
}

// empty gives the zero Sample.
type empty struct{}

func (empty) Info() SourceInfo { return SourceInfo{Name: "empty"} }

func (empty) Sample(context.Context, monotonic.Counter) (Sample, error) {
	return Sample{}, nil
}

func TestDefaultsArePoliteToPublicServers(t *testing.T) {
	d := defaults()
	require.Equal(t, 200.0, d.choices.DriftPPM)
	setup, err := d.choices.Config()
	require.NoError(t, err)
	require.Equal(t, 16*time.Second, setup.Poll.Min)
	require.Equal(t, 256*time.Second, setup.Poll.Max)
	require.Equal(t, 4, setup.Poll.Burst)
	require.NotEqual(t, d.seed, defaults().seed, "clocks that are started together do not stay together")
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
		require.Equal(t, s.Poll, c.Status().Sources[0].Poll, "it stays slow for a while")
		require.True(t, c.Status().Sources[0].HeldBack)
		pass(time.Hour)
		require.Equal(t, time.Second, c.Status().Sources[0].Poll, "and is forgiven")
		require.False(t, c.Status().Sources[0].HeldBack)
	})
}

func TestSourceThatDeniesServiceIsAskedAgainAfterDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(4)
		sources[2].fail = fmt.Errorf("DENY: %w", ErrDenied)
		c := start(t, asSources(sources))
		pass(time.Hour)
		require.Equal(t, 1, sources[2].pollsSince(time.Time{}))
		s := c.Status().Sources[2]
		require.Equal(t, Unusable, s.Verdict)
		require.ErrorIs(t, s.Err, ErrDenied)
		require.Equal(t, 24*time.Hour, s.Poll)
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
