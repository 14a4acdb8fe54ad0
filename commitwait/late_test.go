package commitwait_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
)

// In a bubble time passes only when nothing can go on, so a wake-up that is lost, or a lead that
// nobody takes over, is lateness, whatever the machine is doing. A crowd's wake-ups are put
// together within 50 µs; nothing else may be later than that.
func TestNoWakeUpIsLostWhileWaitsComeGoAndAreCancelled(t *testing.T) {
	const together = 50 * time.Microsecond
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			c := newTeller(time.Millisecond)
			options := []commitwait.WaiterOption{commitwait.WithSpin(time.Duration(random.IntN(2)) * commitwait.DefaultSpin)}
			var w *commitwait.Waiter
			if seed%2 == 0 {
				w = newWaiter(t, c, options...)
			} else {
				w = newWaiter(t, &c.clock, options...) // one that does not tell
			}
			span := time.Duration(1) << (15 + random.IntN(12)) // 33 µs to 67 ms: of everything that is drawn
			draw := func() time.Duration { return time.Duration(random.Int64N(int64(span))) }
			var running sync.WaitGroup
			for range 2 + random.IntN(30) {
				pauses, waits, patience := make([]time.Duration, 20), make([]time.Duration, 20), make([]time.Duration, 20)
				for i := range waits {
					pauses[i], waits[i], patience[i] = draw()/4, draw(), time.Hour
					if random.IntN(3) == 0 {
						patience[i] = draw()
					}
				}
				running.Go(func() {
					for i := range waits {
						time.Sleep(pauses[i])
						ctx, cancel := context.WithTimeout(t.Context(), patience[i])
						begun, timestamp := time.Now(), truth().Add(waits[i])
						err := w.Until(ctx, timestamp)
						late := truth().Sub(timestamp.Add(c.epsilon + 1))
						switch {
						case errors.Is(err, context.DeadlineExceeded):
							late = time.Since(begun) - patience[i]
						case err != nil:
							t.Errorf("seed %d: %v", seed, err)
						}
						if late > together {
							t.Errorf("seed %d: a wait of %v with patience for %v ended %v late: %v", seed, waits[i], patience[i], late, err)
						}
						cancel()
					}
				})
			}
			for range 20 {
				time.Sleep(draw())
				c.change(func() {}) // nothing has changed, and who waits has to look all the same
			}
			running.Wait()
		})
	}
}
