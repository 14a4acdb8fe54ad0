package lease

import (
	"context"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// watched is a context that ends with the lease.
type watched struct {
	context.Context
	cancel context.CancelCauseFunc
}

// Context returns a child of parent that is cancelled while the lease is still Held, Margin before
// it stops being so. context.Cause says why: ErrExpiring, with the error of the last renewal if
// that failed, or an error of Check. It is cancelled already if the margin has begun. It is not
// cancelled when the lease is renewed in time.
//
// The margin covers timers that are late and a process that is stopped by no more than that; if it
// is stopped for longer the cancellation, too, comes too late. A change of the clock is noticed
// within half a margin, or a millisecond if that is more. Call the CancelFunc to free what the context holds.
func (l *Lease) Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	w := &watched{ctx, cancel}
	_, err := l.untilMargin()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		err = l.ended
	}
	if err != nil {
		cancel(err)
		return ctx, func() {}
	}
	l.contexts[w] = struct{}{}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return ctx, func() {
		l.mu.Lock()
		delete(l.contexts, w)
		l.mu.Unlock()
		cancel(nil)
	}
}

// untilMargin returns for how long contexts may go on, more than 0, or the reason why they may not.
func (l *Lease) untilMargin() (time.Duration, error) {
	now, err := l.config.now()
	if err != nil {
		return 0, err
	}
	expiry := truetime.Time(l.granted.Load())
	left := expiry.Sub(now.Latest.Add(l.config.margin))
	if left <= 0 {
		err := fmt.Errorf("%w: it expires at %v, it is %v and the margin is %v", ErrExpiring, expiry, now, l.config.margin)
		if failure := l.lastFailure(); failure != nil {
			err = fmt.Errorf("%w; it was not renewed: %w", err, failure)
		}
		return 0, err
	}
	return left, nil
}

// watch cancels contexts in time.
func (l *Lease) watch(ctx context.Context) {
	lookAgain := max(l.config.margin/2, min(l.config.ttl/128, time.Millisecond))
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		for l.watching() {
			left, err := l.untilMargin()
			if err != nil {
				l.mu.Lock()
				l.cancelContextsLocked(err)
				l.mu.Unlock()
				break
			}
			if sleep(ctx, min(left, lookAgain)) != nil {
				return
			}
		}
	}
}

// watching reports whether there are contexts to be watched. It drops those that have ended
// otherwise.
func (l *Lease) watching() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.contexts {
		if w.Err() != nil {
			delete(l.contexts, w)
		}
	}
	return len(l.contexts) > 0
}

// cancelContextsLocked ends all contexts.
func (l *Lease) cancelContextsLocked(why error) {
	for w := range l.contexts {
		w.cancel(why)
	}
	clear(l.contexts)
}
