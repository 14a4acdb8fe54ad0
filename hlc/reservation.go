package hlc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// reservation keeps the saved bound ahead of the timestamps in use, so that nobody who asks for one
// waits for the disk. It goes by time and not by demand, or the first call after a quiet hour would
// find the bound an hour old.
type reservation struct {
	store   Store
	reserve time.Duration

	wanted  chan struct{} // somebody could not get a timestamp
	refused atomic.Int64  // the greatest such timestamp since the last attempt; 0 if there is none
	saving  atomic.Bool
	failure atomic.Pointer[error] // of the last attempt; nil if it succeeded

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// A bound is renewed after a third of the reserve. After a failure it is tried again after a
// thirtieth, whatever callers want, so that they cannot make a sick disk worse.
const (
	renewals = 3
	retries  = 30
)

// closeTimeout is how long a store gets to save the last bound, if it heeds the context.
const closeTimeout = 10 * time.Second

func newReservation(store Store, reserve time.Duration) *reservation {
	return &reservation{store: store, reserve: reserve, wanted: make(chan struct{}, 1)}
}

func (r *reservation) start(c *Clock) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.running.Go(func() { r.run(ctx, c) })
}

func (r *reservation) run(ctx context.Context, c *Clock) {
	for wait, wanted := r.reserve/renewals, r.wanted; ; {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-wanted:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
		if err := c.extend(ctx); err != nil {
			r.failure.Store(&err)
			wait, wanted = r.reserve/retries, nil
		} else {
			r.failure.Store(nil)
			wait, wanted = r.reserve/renewals, r.wanted
		}
	}
}

// close ends the goroutine and saves last as the bound.
func (r *reservation) close(last Timestamp) error {
	r.cancel()
	r.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := r.store.Save(ctx, last); err != nil {
		return fmt.Errorf("hlc: closed, but the next start has to wait, because the last bound was not saved: %w", err)
	}
	return nil
}

// extend saves a bound that is the reserve ahead. What is issued stays within what the interval and
// the limit for running ahead allow, so the bound does too: a row of crashes cannot drive it away
// from time.
func (c *Clock) extend(ctx context.Context) error {
	last, refused := c.Last(), c.reservation.refused.Load()
	now, err := c.read() // after the two, which an older interval could not be compared with
	if err != nil {
		return err
	}
	c.reservation.refused.CompareAndSwap(refused, 0)
	return c.reserve(ctx, max(Timestamp(now.Latest), last, min(Timestamp(refused), c.ceiling(now))))
}

// reserve saves a bound that is the reserve ahead of the timestamp, unless there is one already.
func (c *Clock) reserve(ctx context.Context, from Timestamp) error {
	bound := Timestamp(from.Time().Add(c.reservation.reserve))
	if int64(bound) <= c.durable.Load() {
		return nil
	}
	c.reservation.saving.Store(true)
	defer c.reservation.saving.Store(false)
	if err := c.reservation.store.Save(ctx, bound); err != nil {
		return fmt.Errorf("cannot save %v: %w", bound.Time(), err)
	}
	c.durable.Store(int64(bound))
	return nil
}

// notDurable says why t cannot be issued, and asks for a bound that would let it.
func (c *Clock) notDurable(t Timestamp) error {
	durable := Timestamp(c.durable.Load())
	r := c.reservation
	for refused := r.refused.Load(); refused < int64(t); refused = r.refused.Load() {
		if r.refused.CompareAndSwap(refused, int64(t)) {
			break
		}
	}
	select {
	case r.wanted <- struct{}{}:
	default:
	}
	beyond := fmt.Errorf("%w: %v is beyond %v", ErrNotDurable, t.Time(), durable.Time())
	if failure := r.failure.Load(); failure != nil {
		return fmt.Errorf("%w, and the last attempt to extend that failed: %w", beyond, *failure)
	}
	if r.saving.Load() {
		return fmt.Errorf("%w, and the store has not finished saving the next bound", beyond)
	}
	return fmt.Errorf("%w, and the next bound is about to be saved", beyond)
}
