package lease

import (
	"context"
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// Do runs work under the lease: it checks, runs work with a context of the lease ([Lease.Context])
// and the fencing token, and checks again. Without an error the lease was Held when work began and
// when it returned, and nobody else held it in between, unless an operator has called [Revoke].
//
// If the lease was not Held any more at the end the error wraps the one of Check, and work's if it
// returned one: what work did may have come too late, and only what a [Fence] has admitted is
// certain. If the lease was not Held at the beginning, or the margin had begun, work is not run.
//
// Release waits for work to return. Do not call Release in it.
func (l *Lease) Do(ctx context.Context, work func(ctx context.Context, token Token) error) error {
	if err := l.begin(); err != nil {
		return err
	}
	defer l.finish()
	if err := l.Check(); err != nil {
		return fmt.Errorf("work not begun: %w", err)
	}
	if work == nil {
		return errors.New("lease: the work is nil")
	}
	inner, cancel := l.Context(ctx)
	defer cancel()
	if inner.Err() != nil {
		return fmt.Errorf("work not begun: %w", context.Cause(inner))
	}
	err := work(inner, l.token)
	if late := l.stillOurs(); late != nil {
		if err != nil {
			return fmt.Errorf("work outlived the lease: %w; work returned: %w", late, err)
		}
		return fmt.Errorf("work outlived the lease: %w", late)
	}
	return err
}

// stillOurs is Check for work that has begun: a Release that waits for it, or a Close, has left the
// record in the store.
func (l *Lease) stillOurs() error {
	now, err := l.config.now()
	if err != nil {
		return err
	}
	if why := l.end(nil); errors.Is(why, ErrLost) {
		return why
	}
	return judge(now, truetime.Time(l.granted.Load()))
}

func (l *Lease) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil {
		l.works++
	}
	return l.ended
}

func (l *Lease) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.works--
	if l.works == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}

// resting returns a channel that is closed when no work is running. None begins once the lease is
// over.
func (l *Lease) resting() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle != nil {
		return l.idle
	}
	rest := make(chan struct{})
	if l.works == 0 {
		close(rest)
	} else {
		l.idle = rest
	}
	return rest
}
