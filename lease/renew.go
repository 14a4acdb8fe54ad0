package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Renew puts the expiry off to TTL from now. It is done in the background; call it before work that
// needs most of the TTL.
//
// The error wraps ErrLost or ErrExpired, and then the lease is over; or the clock's, the store's or
// ctx's, and then the lease goes on with the expiry that it has. It tries once, and returns the
// store's error whether that may pass or not ([ErrPermanent]).
func (l *Lease) Renew(ctx context.Context) error {
	if l.stop == nil {
		return errUnmade
	}
	if err := l.take(ctx); err != nil {
		return err
	}
	defer l.yield()
	err := l.renew(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.failures, l.failure = 0, nil
	} else if l.ended == nil {
		l.failures++
		l.failure = err
	}
	return err
}

// lastFailure returns the error of the last renewal, or nil.
func (l *Lease) lastFailure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

func (l *Lease) renew(ctx context.Context) error {
	p := &l.protocol
	p.acked = false
	for {
		if err := l.end(nil); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		now, err := l.config.now()
		if err != nil {
			return err
		}
		a := p.renew(now)
		switch a.verb {
		case done:
			return nil
		case fail:
			return l.end(a.err)
		}
		if err := l.config.send(ctx, p, a); err != nil {
			return err // if the outcome is unknown the next renewal loads the record first
		}
		if p.mine() {
			l.granted.Store(int64(p.expiry()))
		}
	}
}

// take waits for the turn to drive the protocol.
func (l *Lease) take(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Lease) yield() { <-l.turn }

// keep renews until ctx ends or the lease is over.
func (l *Lease) keep(ctx context.Context) {
	pause := l.config.renewEvery
	if now, err := l.config.now(); err == nil {
		// The request may have taken a good part of what it has brought.
		left := truetime.Time(l.granted.Load()).Sub(now.Latest)
		pause = max(min(pause, left/2), 0)
	}
	for sleep(ctx, jittered(pause)) == nil {
		err := l.Renew(ctx)
		switch {
		case err == nil:
			pause = l.config.renewEvery
		case l.over.Load(), errors.Is(err, truetime.ErrClosed):
			return
		default:
			pause = max(l.config.renewEvery/4, time.Microsecond)
		}
	}
}

// renew leads to a later expiry. acked has to be false at the beginning.
func (p *protocol) renew(now truetime.Interval) action {
	switch {
	case !p.known:
		return action{verb: load}
	case p.lost() != nil:
		return action{verb: fail, err: p.lost()}
	case stateAt(now, p.record.Expiry) == Expired: // even if it was confirmed
		return action{verb: fail, err: fmt.Errorf("%w at %v, and it is %v at the earliest", ErrExpired, p.record.Expiry, now.Earliest)}
	case p.acked:
		return action{verb: done}
	}
	next := p.record
	next.Expiry = now.Earliest.Add(p.ttl)
	if next.Expiry <= p.record.Expiry {
		return action{verb: done}
	}
	return p.swap(next)
}
