package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Release gives the lease up, so that others need not wait for the expiry. The holder stops first:
// contexts are cancelled, and Check and Timestamp refuse. Then it waits for running [Lease.Do] to
// return and for the largest timestamp issued and the floor ([Lease.Raise]) to have passed, so that
// every timestamp of the next holder is larger (Corbett et al., "Spanner", OSDI 2012, section
// 4.1.1, abdication). Then the record is given up in the store.
//
// It returns nil once the record is not ours. If ctx ends before, if the clock is closed, or if the
// store cannot be used however long one waits ([ErrPermanent]), the error says so and the record
// stays until it expires, or until Release is called again; the lease is over in any case.
func (l *Lease) Release(ctx context.Context) error {
	if l.stop == nil {
		return errUnmade
	}
	_ = l.end(ErrReleased)
	l.stop()
	if err := l.release(ctx); err != nil {
		return fmt.Errorf("lease %.80q not given up, it expires at %v: %w", l.config.name, truetime.Time(l.granted.Load()), err)
	}
	return nil
}

func (l *Lease) release(ctx context.Context) error {
	select {
	case <-l.gone:
	case <-ctx.Done():
		return fmt.Errorf("lease: the store has not returned from a renewal: %w", ctx.Err())
	}
	select {
	case <-l.resting():
	case <-ctx.Done():
		return fmt.Errorf("lease: work is still running: %w", ctx.Err())
	}
	if err := l.passed(ctx); err != nil {
		return err
	}
	if err := l.take(ctx); err != nil {
		return err
	}
	defer l.yield()
	var trouble error
	for {
		if err := ctx.Err(); err != nil {
			return after(err, trouble)
		}
		a := l.protocol.release()
		if a.verb == done {
			return nil
		}
		if err := l.config.send(ctx, &l.protocol, a); err != nil {
			if permanent(err) {
				return err
			}
			trouble = err
			_ = sleep(ctx, jittered(l.config.renewEvery/8))
		}
	}
}

// passed waits until the largest timestamp issued, and the floor, have certainly passed.
func (l *Lease) passed(ctx context.Context) error {
	l.mu.Lock()
	issued := l.issued // for good: none is issued, and no floor raised, once the lease is over
	l.mu.Unlock()
	for issued != 0 {
		pause := l.config.renewEvery / 8
		now, err := l.config.now()
		if err == nil {
			if now.After(issued) {
				return nil
			}
			pause = min(pause, max(issued.Sub(now.Earliest)+1, time.Microsecond))
		}
		if errors.Is(err, truetime.ErrClosed) {
			return err
		}
		if late := sleep(ctx, pause); late != nil {
			return after(fmt.Errorf("lease: timestamp %v may not have passed: %w", issued, late), err)
		}
	}
	return nil
}
