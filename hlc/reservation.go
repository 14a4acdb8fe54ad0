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
// find the bound an hour old. Clocks that are shards have one together.
type reservation struct {
	store   Store
	reserve time.Duration
	clocks  []*Clock

	wanted  chan struct{} // somebody could not get a timestamp
	refused atomic.Int64  // the greatest such timestamp since the last attempt; 0 if there is none
	saving  atomic.Bool
	failure atomic.Pointer[error] // of the last attempt; nil if it succeeded

	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	open int       // how many of the clocks have not been closed
	last Timestamp // the greatest of those that have
}

// A bound is renewed after a third of the reserve. After a failure it is tried again after a
// thirtieth, whatever callers want, so that they cannot make a sick disk worse.
const (
	renewals = 3
	retries  = 30
)

// closeTimeout is how long a store gets to save the last bound, if it heeds the context.
const closeTimeout = 10 * time.Second

func newReservation(store Store, reserve time.Duration, clocks []*Clock) *reservation {
	return &reservation{store: store, reserve: reserve, clocks: clocks, wanted: make(chan struct{}, 1), open: len(clocks)}
}

func (r *reservation) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.running.Go(func() { r.run(ctx) })
}

func (r *reservation) run(ctx context.Context) {
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
		if err := r.extend(ctx); err != nil {
			r.failure.Store(&err)
			wait, wanted = r.reserve/retries, nil
		} else {
			r.failure.Store(nil)
			wait, wanted = r.reserve/renewals, r.wanted
		}
	}
}

// close takes in that a clock has been closed, and what was last on it. With the last clock it ends
// the goroutine and saves the greatest of them all as the bound.
func (r *reservation) close(last Timestamp) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = max(r.last, last)
	if r.open--; r.open > 0 {
		return nil
	}
	r.cancel()
	r.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := r.store.Save(ctx, r.last); err != nil {
		return fmt.Errorf("hlc: closed, but the next start has to wait, because the last bound was not saved: %w", err)
	}
	return nil
}

// extend saves a bound that is the reserve ahead. What is issued stays within what the interval and
// the limit for running ahead allow, so the bound does too: a row of crashes cannot drive it away
// from time.
func (r *reservation) extend(ctx context.Context) error {
	var last Timestamp
	for _, c := range r.clocks {
		last = max(last, c.Last())
	}
	refused := r.refused.Load()
	c := r.clocks[0]     // they differ in nothing that matters here
	now, err := c.read() // after the two, which an older interval could not be compared with
	if err != nil {
		return err
	}
	r.refused.CompareAndSwap(refused, 0)
	return r.save(ctx, max(Timestamp(now.Latest), last, min(Timestamp(refused), c.ceiling(now))))
}

// save saves a bound that is the reserve ahead of the timestamp, unless there is one already.
func (r *reservation) save(ctx context.Context, from Timestamp) error {
	bound := int64(from.Time().Add(r.reserve))
	if bound <= r.clocks[0].durable.Load() {
		return nil
	}
	r.saving.Store(true)
	defer r.saving.Store(false)
	if err := r.store.Save(ctx, Timestamp(bound)); err != nil {
		return fmt.Errorf("cannot save %v: %w", Timestamp(bound).Time(), err)
	}
	for _, c := range r.clocks {
		c.durable.Store(bound)
	}
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
