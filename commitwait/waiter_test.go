package commitwait_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// outcome is how a wait ended, and when.
type outcome struct {
	err   error
	after time.Duration
}

// waiting starts a wait and returns where its outcome will be.
func waiting(ctx context.Context, w *commitwait.Waiter, t truetime.Time) <-chan outcome {
	begun, done := time.Now(), make(chan outcome, 1)
	go func() {
		err := w.Until(ctx, t)
		done <- outcome{err, time.Since(begun)}
	}()
	synctest.Wait()
	return done
}

func TestWaitEndsAtOnceWhenAClockThatTellsJumpsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeller(50 * time.Millisecond)
		w := newWaiter(t, c)
		near, far := waiting(t.Context(), w, truth()), waiting(t.Context(), w, truth().Add(30*time.Millisecond))
		time.Sleep(10 * time.Millisecond)
		c.change(func() { c.epsilon = 5 * time.Millisecond })
		require.Equal(t, outcome{nil, 10 * time.Millisecond}, <-near)
		require.Equal(t, outcome{nil, 35*time.Millisecond + 1}, <-far, "recomputed")
	})
}

func TestWaitEndsSoonWhenAClockThatDoesNotTellJumpsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Minute}
		done := waiting(t.Context(), newWaiter(t, c), truth())
		time.Sleep(10 * time.Millisecond)
		c.change(func() { c.epsilon = time.Millisecond })
		require.Equal(t, outcome{nil, 100 * time.Millisecond}, <-done)
	})
}

func TestWaitSurvivesADisruption(t *testing.T) {
	for _, refusal := range []error{truetime.ErrNotSynchronized, truetime.ErrUncertaintyTooLarge, truetime.ErrClockFaulty} {
		synctest.Test(t, func(t *testing.T) {
			c := newTeller(time.Second)
			w := newWaiter(t, c)
			before := waiting(t.Context(), w, truth())
			time.Sleep(500 * time.Millisecond)
			c.change(func() { c.err = refusal })
			meanwhile := waiting(t.Context(), w, truth())
			time.Sleep(time.Minute)
			require.Empty(t, before)
			require.Empty(t, meanwhile)
			c.change(func() { c.err, c.epsilon = nil, 61*time.Second }) // synchronized, and hardly
			require.Equal(t, outcome{nil, 61*time.Second + 1}, <-before)
			require.Equal(t, outcome{nil, 61*time.Second + 1}, <-meanwhile)
		})
	}
}

func TestWaitSurvivesAnAnswerThatIsNoInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeller(time.Second)
		done := waiting(t.Context(), newWaiter(t, c), truth())
		c.change(func() { c.upset = true })
		time.Sleep(time.Minute)
		require.Empty(t, done)
		c.change(func() { c.upset = false })
		require.Equal(t, outcome{nil, time.Minute}, <-done)
	})
}

func TestFailFastReturnsTheClocksErrorAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeller(time.Second)
		w := newWaiter(t, c, commitwait.WithFailFast())
		first, second := waiting(t.Context(), w, truth()), waiting(t.Context(), w, truth().Add(time.Second))
		time.Sleep(time.Millisecond)
		c.change(func() { c.err = truetime.ErrNotSynchronized })
		for _, done := range []<-chan outcome{first, second, waiting(t.Context(), w, truth())} {
			o := <-done
			require.ErrorIs(t, o.err, truetime.ErrNotSynchronized)
			require.ErrorIs(t, o.err, commitwait.ErrNotPassed)
			require.LessOrEqual(t, o.after, time.Millisecond)
		}
	})
}

func TestClosingTheClockEndsEveryWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeller(time.Second)
		w := newWaiter(t, c)
		first, second := waiting(t.Context(), w, truth()), waiting(t.Context(), w, truth().Add(time.Second))
		c.change(func() { c.err = truetime.ErrClosed })
		for _, done := range []<-chan outcome{first, second} {
			o := <-done
			require.ErrorIs(t, o.err, truetime.ErrClosed)
			require.ErrorIs(t, o.err, commitwait.ErrNotPassed)
			require.Zero(t, o.after)
		}
	})
}

func TestClosingTheWaiterEndsEveryWaitAtOnceAndForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeller(time.Second)
		w := newWaiter(t, c)
		first, second := waiting(t.Context(), w, truth()), waiting(t.Context(), w, truth().Add(time.Second))
		require.NoError(t, w.Close())
		require.NoError(t, w.Close())
		for _, done := range []<-chan outcome{first, second, waiting(t.Context(), w, truth()), waiting(t.Context(), w, truth().Add(-time.Hour))} {
			o := <-done
			require.ErrorIs(t, o.err, commitwait.ErrClosed)
			require.ErrorIs(t, o.err, commitwait.ErrNotPassed)
			require.Zero(t, o.after)
		}
	})
}

// The limit cannot be applied while the clock refuses. It is as soon as it answers, to those who
// have come since, and not to those whose wait was in order when it began.
func TestLimitIsAppliedWhenTheClockAnswersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeller(time.Millisecond)
		w := newWaiter(t, c, commitwait.WithMaxWait(time.Second))
		judged := waiting(t.Context(), w, truth().Add(900*time.Millisecond))
		c.change(func() { c.err = truetime.ErrNotSynchronized })
		near, far := waiting(t.Context(), w, truth()), waiting(t.Context(), w, math.MaxInt64)
		time.Sleep(10 * time.Millisecond)
		require.Empty(t, far)
		c.change(func() { c.err, c.epsilon = nil, 500*time.Millisecond })
		o := <-far
		require.ErrorIs(t, o.err, commitwait.ErrWaitTooLong)
		require.Equal(t, 10*time.Millisecond, o.after)
		require.Equal(t, outcome{nil, 500*time.Millisecond + 1}, <-near)
		require.Equal(t, outcome{nil, 1400*time.Millisecond + 1}, <-judged)
	})
}

// Whoever leads may leave: the others are served all the same, and on time.
func TestCancellingOneWaitDelaysNoOther(t *testing.T) {
	for cancelled := range 6 {
		synctest.Test(t, func(t *testing.T) {
			w := newWaiter(t, &clock{})
			var cancels [6]context.CancelFunc
			var waits [6]<-chan outcome
			for i := range waits {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				cancels[i] = cancel
				waits[i] = waiting(ctx, w, truth().Add(time.Duration(1+i)*20*time.Millisecond-1))
			}
			cancels[cancelled]()
			for i, done := range waits {
				o := <-done
				if i == cancelled {
					require.ErrorIs(t, o.err, context.Canceled)
					require.ErrorIs(t, o.err, commitwait.ErrNotPassed)
					require.Zero(t, o.after)
				} else {
					require.Equal(t, outcome{nil, time.Duration(1+i) * 20 * time.Millisecond}, o)
				}
			}
			require.Zero(t, commitwait.Waiting(w))
		})
	}
}

// One that comes later may have to be served first.
func TestWaitThatEndsBeforeThoseThatCameEarlierIsOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t, &clock{})
		var waits []<-chan outcome
		for i := range 10 {
			waits = append(waits, waiting(t.Context(), w, truth().Add(time.Duration(10-i)*5*time.Millisecond-1)))
		}
		for i, done := range waits {
			require.Equal(t, outcome{nil, time.Duration(10-i) * 5 * time.Millisecond}, <-done)
		}
	})
}

// Who sleeps for long wakes up late, so the last part of a long wait is slept apart; a short one is
// not cut up, and neither is that of a waiter without a spin, which is to spare the processor.
func TestLongWaitSleepsItsLastPartApart(t *testing.T) {
	for _, spin := range []time.Duration{0, commitwait.DefaultSpin} {
		for wait, looks := range map[time.Duration]int{300 * time.Microsecond: 0, 500 * time.Microsecond: 1, 8 * time.Millisecond: 1} {
			if spin == 0 {
				looks = 0
			}
			synctest.Test(t, func(t *testing.T) {
				c := &clock{}
				done := waiting(t.Context(), newWaiter(t, c, commitwait.WithSpin(spin)), truth().Add(wait-1))
				c.change(func() { c.reads = 0 })
				time.Sleep(wait - 100*time.Microsecond)
				synctest.Wait()
				c.change(func() { require.Equal(t, looks, c.reads, "wait of %v, spin of %v", wait, spin) })
				require.Equal(t, outcome{nil, wait}, <-done)
			})
		}
	}
}

// A clock that stands still is asked now and then, and not in a loop without end.
func TestClockThatStandsStillIsNotSpunOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{}
		for _, d := range []time.Duration{1, 10 * time.Microsecond, time.Millisecond, time.Second} {
			for _, spin := range []time.Duration{0, commitwait.DefaultSpin} {
				w := newWaiter(t, c, commitwait.WithSpin(spin))
				c.change(func() { c.reads = 0 })
				require.NoError(t, w.Until(t.Context(), truth().Add(d-1)))
				require.Less(t, c.reads, 2000, "wait of %v, spin of %v", d, spin)
			}
		}
	})
}

func TestMemoryIsGivenBackWhenACrowdHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t, &clock{})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for i := range 10_000 {
			running.Go(func() { _ = w.Until(ctx, truth().Add(time.Duration(i+1)*time.Second/10)) })
		}
		synctest.Wait()
		require.Equal(t, 10_000, commitwait.Waiting(w))
		cancel()
		running.Wait()
		require.Zero(t, commitwait.Waiting(w))
		require.LessOrEqual(t, commitwait.Room(w), 1024)
	})
}
