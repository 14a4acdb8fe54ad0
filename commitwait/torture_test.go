package commitwait_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// Hundreds wait and are cancelled while the clock widens, jumps ahead, refuses, and steps back from
// epoch to epoch. Nobody may return before the clock has said that the timestamp has passed, and
// all must once it stays said.
func TestNobodyReturnsBeforeTheTimestampHasPassedWhateverTheClockDoes(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			c := newTeller(time.Millisecond)
			options := []commitwait.WaiterOption{commitwait.WithSpin(time.Duration(random.IntN(2)) * commitwait.DefaultSpin)}
			if seed%4 == 0 {
				options = append(options, commitwait.WithFailFast())
			}
			var w *commitwait.Waiter
			if seed%2 == 0 {
				w = newWaiter(t, c, options...)
			} else {
				w = newWaiter(t, &c.clock, options...) // one that does not tell
			}
			var running sync.WaitGroup
			for range 300 {
				comes := time.Duration(random.Int64N(int64(time.Second)))
				ahead := time.Duration(random.Int64N(int64(200 * time.Millisecond)))
				patience := time.Hour
				if random.IntN(3) == 0 {
					patience = time.Duration(random.Int64N(int64(200 * time.Millisecond)))
				}
				running.Go(func() {
					time.Sleep(comes)
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					timestamp := truth().Add(ahead)
					switch err := w.Until(ctx, timestamp); {
					case err == nil:
						if !c.answered(timestamp) {
							t.Errorf("seed %d: returned at %v, and %v had not passed", seed, truth(), timestamp)
						}
					case ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded):
					case seed%4 == 0 && errors.Is(err, truetime.ErrNotSynchronized):
					default:
						t.Errorf("seed %d: %v", seed, err)
					}
				})
			}
			for range 100 {
				time.Sleep(time.Duration(random.Int64N(int64(20 * time.Millisecond))))
				c.change(func() {
					c.err = nil
					if random.IntN(4) == 0 {
						c.err = truetime.ErrNotSynchronized
					}
					c.epsilon = time.Duration(random.Int64N(int64(100 * time.Millisecond)))
				})
			}
			c.change(func() { c.err, c.epsilon = nil, time.Millisecond })
			settled := time.Now()
			running.Wait()
			require.Less(t, time.Since(settled), 2*time.Second, "seed %d", seed)
			require.Zero(t, commitwait.Waiting(w), "seed %d", seed)
		})
	}
}

// The same on the machine's own timer and in real time, where cancellations, wake-ups and Close
// race.
func TestCancellationsRaceWithWakeUps(t *testing.T) {
	for _, spin := range []time.Duration{0, commitwait.DefaultSpin} {
		c := &clock{epsilon: time.Millisecond}
		w := newWaiter(t, c, commitwait.WithSpin(spin))
		var running sync.WaitGroup
		for g := range 50 {
			running.Go(func() {
				random := rand.New(rand.NewPCG(uint64(g), 1))
				for range 40 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.Int64N(int64(3*time.Millisecond))))
					timestamp := truth().Add(time.Duration(random.Int64N(int64(2 * time.Millisecond))))
					err := w.Until(ctx, timestamp)
					if err == nil && !c.answered(timestamp) || err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("goroutine %d: %v, until %v", g, err, timestamp)
					}
					cancel()
				}
			})
		}
		running.Wait()
		require.Zero(t, commitwait.Waiting(w))

		for range 20 {
			running.Go(func() {
				if err := w.Until(t.Context(), truth().Add(time.Minute)); !errors.Is(err, commitwait.ErrClosed) {
					t.Error(err)
				}
			})
		}
		require.NoError(t, w.Close())
		running.Wait()
	}
}

// Every call has a timer of its own, and none of them stays.
func TestManyCallsOfUntilNeedNoWaiter(t *testing.T) {
	c := &clock{epsilon: time.Millisecond}
	var running sync.WaitGroup
	for range 500 {
		running.Go(func() {
			timestamp := truth().Add(c.epsilon)
			if err := commitwait.Until(t.Context(), c, timestamp); err != nil || !c.answered(timestamp) {
				t.Error(err)
			}
		})
	}
	running.Wait()
}
