package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/internal/alarm"
	"github.com/epsilontime/epsilon/truetime"
)

// Candidate can acquire a lease, again and again. It runs nothing in the background, needs no
// Close, and may be used by several goroutines, which then compete with each other.
type Candidate struct {
	config config
}

// NewCandidate makes a candidate for the lease of that name. All mistakes are reported at once. It
// asks neither the clock nor the store.
//
// The name is the same for all candidates of the lease: valid UTF-8 of 1 to [MaxName] bytes without
// a zero byte, so that every store can keep it as text. The TTL is how long a lease that is not
// renewed lasts after the request, and so how long others wait after a crash: [MinTTL] to [MaxTTL].
// The holder can use it for 2ε less. Candidates of one lease should agree on it. A request to the
// store is given up after a third of the TTL ([WithRenewEvery]), so it must be several times as
// long as the store takes on a bad day, or nobody can hold the lease then.
func NewCandidate(
	clock truetime.Reader, store Store, name string, ttl time.Duration, options ...Option,
) (*Candidate, error) {
	config, err := config{clock: clock, store: store, name: name, ttl: ttl}.configure(options)
	if err != nil {
		return nil, err
	}
	return &Candidate{config}, nil
}

// Acquire waits until the lease can be had, and returns it Held. It outlasts errors of the store
// and refusals of the clock until ctx ends; then the error wraps ctx's and tells the last trouble.
// It returns at once for what waiting does not mend: ErrCorrupt, an error of the store of which
// [ErrPermanent] says so, and a closed clock. It returns ErrFromFuture once that has lasted for 10
// s: the clock of a machine that was suspended is behind until it has noticed.
//
// A holder that has crashed has a successor no later than TTL, the width of the candidate's interval and a
// round trip to the store after it read its clock for the last renewal. One that has released the lease is
// noticed within TTL/4.
//
// After an error the record may have become ours all the same, if a reply was lost. Then everybody,
// this candidate too, has to wait until it expires.
func (c *Candidate) Acquire(ctx context.Context) (*Lease, error) { return c.acquire(ctx, true) }

// TryAcquire returns the lease if it can be had now, or else an error: ErrTaken while somebody
// holds it or may still hold it, ErrClock, or the store's.
func (c *Candidate) TryAcquire(ctx context.Context) (*Lease, error) { return c.acquire(ctx, false) }

func (c *Candidate) acquire(ctx context.Context, patient bool) (*Lease, error) {
	if c.config.clock == nil {
		return nil, errUnmade
	}
	p := protocol{holder: c.config.holder, session: newSession(), ttl: c.config.ttl}
	retry := c.config.renewEvery / 8
	var trouble error    // what keeps us from it, as far as we know
	var future time.Time // since when the record has been from the future
	for {
		if err := ctx.Err(); err != nil {
			return nil, c.failed(after(err, trouble))
		}
		now, err := c.config.now()
		if err != nil {
			if !patient || errors.Is(err, truetime.ErrClosed) {
				return nil, c.failed(err)
			}
			trouble = err
			_ = sleep(ctx, jittered(retry))
			continue
		}
		switch a := p.acquire(now); a.verb {
		case done:
			return newLease(c.config, p), nil
		case fail:
			if !patient || !mayPass(a.err, &future) {
				return nil, c.failed(a.err)
			}
			trouble = a.err
			_ = sleep(ctx, jittered(min(c.config.ttl, disbelief)/4))
			p.forget()
		case wait:
			future = time.Time{}
			trouble = fmt.Errorf("%w by %.80q with token %d until %v", ErrTaken, p.record.Holder, p.record.Token, p.record.Expiry)
			if !patient {
				return nil, c.failed(trouble)
			}
			if a.reload {
				a.pause = jittered(a.pause)
				p.forget()
			}
			_ = sleep(ctx, a.pause)
		case load, swap:
			if a.verb == swap && !patient && trouble != nil {
				return nil, c.failed(trouble) // the request before failed, and was not carried out either
			}
			err := c.config.send(ctx, &p, a)
			switch {
			case err != nil:
				if permanent(err) || a.verb == load && !patient {
					return nil, c.failed(after(err, trouble))
				}
				trouble = err
				_ = sleep(ctx, jittered(retry))
			case a.verb == swap && p.mine() && c.config.expired(p.expiry()):
				trouble = fmt.Errorf("%w before the store had confirmed it: a request to it takes longer than the TTL of %v", ErrExpired, c.config.ttl)
				_ = sleep(ctx, jittered(retry))
			}
		}
	}
}

// disbelief is for how long a record from the future is put down to our own clock: several times as
// long as a truetime.Clock takes to notice that its machine was suspended.
const disbelief = 10 * time.Second

// mayPass reports whether the reason why the lease cannot be acquired may pass by itself. since is
// since when there has been that reason, by Go's clock, as this is patience and no bound; zero if
// there was none.
func mayPass(why error, since *time.Time) bool {
	if since.IsZero() {
		*since = time.Now()
	}
	return errors.Is(why, ErrFromFuture) && time.Since(*since) < disbelief
}

// after returns err and the last trouble before it, if there was any, on one line.
func after(err, trouble error) error {
	if trouble == nil {
		return err
	}
	return fmt.Errorf("%w; the last trouble: %w", err, trouble)
}

func (c *Candidate) failed(err error) error {
	return fmt.Errorf("lease %.80q not acquired: %w", c.config.name, err)
}

// expired reports whether an expiry is over by now.
func (c *config) expired(expiry truetime.Time) bool {
	now, err := c.now()
	return err == nil && stateAt(now, expiry) == Expired
}

// send carries out a load or a swap and reports its reply to p. A conflict is a reply and no error.
func (c *config) send(ctx context.Context, p *protocol, a action) error {
	ctx, cancel := context.WithTimeout(ctx, c.renewEvery)
	defer cancel()
	if a.verb == load {
		if err := p.loaded(c.store.Load(ctx, c.name)); err != nil {
			return fmt.Errorf("lease: load %.80q: %w", c.name, err)
		}
		return nil
	}
	version, err := c.store.CompareAndSwap(ctx, c.name, a.version, a.next)
	p.swapped(a.next, version, err)
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("lease: change %.80q, with unknown outcome: %w", c.name, err)
	}
	return nil
}

func newSession() (s Session) {
	_, _ = rand.Read(s[:]) // it never fails
	return s
}

// jittered returns d or up to a fifth less, so that many that started together do not stay
// together.
func jittered(d time.Duration) time.Duration {
	return d - time.Duration(mathrand.Int64N(int64(d/5)+1))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, alarm.Soonest))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
