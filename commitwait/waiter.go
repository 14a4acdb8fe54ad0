package commitwait

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/alarm"
	"github.com/epsilontime/epsilon/internal/plausible"
	"github.com/epsilontime/epsilon/truetime"
)

// Waiter lets any number of goroutines wait for timestamps of one clock, with one timer for all of
// them: a timerfd on Linux, time.Timer elsewhere. All its methods are safe for use by many
// goroutines.
//
// A wait takes some 430 bytes beside the goroutine, what the runtime needs for a select included.
// The Waiter itself has no goroutine, or one if the clock tells when it changes, from the first
// wait on until it is closed.
type Waiter struct {
	waiterConfig
	clock truetime.Reader

	// next is the timestamp at the head of the queue, for the goroutine that spins.
	next atomic.Int64

	mu       sync.Mutex // guards all that follows
	queue    queue
	unjudged int         // how many in the queue are
	leader   *wait       // serves the queue; nil only when it is empty
	hurried  bool        // the leader is to look up at once
	timer    alarm.Alarm // nil before the first wait; only the leader waits for it
	woke     time.Time   // when a wait last ended because its timestamp had passed
	inVain   bool        // since then there was a spin: what is next is slept for

	stats stats

	closing sync.Once
	closed  chan struct{}
	running sync.WaitGroup
}

// NewWaiter makes a Waiter for a clock. All mistakes are reported at once. Close it when nobody
// waits any more; it does not close the clock.
func NewWaiter(clock truetime.Reader, options ...WaiterOption) (*Waiter, error) {
	config := waiterConfig{spin: defaultSpin, maxWait: defaultMaxWait}
	if err := configure(&config, &config.mistakes, clock, options); err != nil {
		return nil, err
	}
	return &Waiter{waiterConfig: config, clock: clock, closed: make(chan struct{})}, nil
}

// Until returns nil once t has certainly passed: Earliest of the clock is after t. If that is so
// already it returns at once. When a new sample moves Earliest ahead the wait ends earlier, and
// when the interval widens, later. While the clock refuses to answer it goes on; see
// [WithFailFast].
//
// Any error is an [ErrNotPassed] with its reason: ctx's error, the clock's, [ErrClosed], or
// [ErrWaitTooLong] for a wait beyond [WithMaxWait]. On a context that has ended nothing is promised, even if t has passed. The zero Time
// and a t before 1990 are refused, because they are mistakes: t is in nanoseconds, and the present
// in seconds or milliseconds would be a time of 1970, for which nobody has to wait.
func (w *Waiter) Until(ctx context.Context, t truetime.Time) error {
	if err := w.ended(ctx); err != nil {
		return notPassed(t, err)
	}
	if err := plausible.Timestamp(t); err != nil {
		return notPassed(t, err)
	}
	return w.until(ctx, t, w.maxWait)
}

// Close ends every wait with [ErrClosed] and returns when the Waiter's goroutines have ended. It
// always returns nil, and may be called more than once.
func (w *Waiter) Close() error {
	if w.closed == nil {
		return nil // it was never made, and nobody waits
	}
	w.closing.Do(func() {
		w.mu.Lock()
		close(w.closed)
		w.endAllLocked(ErrClosed)
		if w.timer != nil {
			w.timer.Close()
		}
		w.mu.Unlock()
	})
	w.running.Wait()
	return nil
}

// ended says why a call should not begin.
func (w *Waiter) ended(ctx context.Context) error {
	switch {
	case w.closed == nil:
		return errUnmade
	case w.isClosed():
		return ErrClosed
	}
	return ctx.Err()
}

func (w *Waiter) isClosed() bool {
	select {
	case <-w.closed:
		return true
	default:
		return false
	}
}

// final reports whether an error of the clock ends the wait.
func (w *Waiter) final(err error) bool { return w.failFast || errors.Is(err, truetime.ErrClosed) }

func tooLong(t truetime.Time, now truetime.Interval, limit time.Duration) error {
	if left := t.Sub(now.Earliest); left > limit {
		return fmt.Errorf("%w: %v until %v has certainly passed, and at most %v is allowed", ErrWaitTooLong, left, t, limit)
	}
	return nil
}

// until waits for t.
//
// A goroutine parks in it, and has a stack of 2 KiB at first: a frame that is larger, or one more, would double what 100 000 of them take.
func (w *Waiter) until(ctx context.Context, t truetime.Time, limit time.Duration) error {
	now, err := read(w.clock)
	switch {
	case err == nil && now.After(t):
		w.stats.passed.Add(1)
		return nil
	case err == nil:
		if err := tooLong(t, now, limit); err != nil {
			return w.stats.fail(t, err)
		}
	case w.final(err):
		return w.stats.fail(t, err)
	}
	if err := w.ended(ctx); err != nil {
		return w.stats.fail(t, err)
	}

	mine := entry{t, &wait{done: make(chan error, 2), unjudged: err != nil && limit < math.MaxInt64, begun: w.stats.begin()}}
	w.join(mine)
	err = w.await(ctx, mine)
	if err == errLead {
		err = w.serve(ctx, mine)
	}
	w.stats.waited(mine.begun)
	if err != nil {
		return w.stats.fail(t, err)
	}
	w.stats.passed.Add(1)
	return nil
}
