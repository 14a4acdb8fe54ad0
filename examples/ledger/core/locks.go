package core

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// locks are held from before a transaction reads until its timestamp has passed.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when it is let go
}

// acquire waits for all of the names, in their order, or gives up with ctx.
func (l *locks) acquire(ctx context.Context, names ...string) (release func(), err error) {
	names = slices.Sorted(slices.Values(names))
	for i, name := range names {
		if err := l.one(ctx, name); err != nil {
			l.release(names[:i])
			return nil, err
		}
	}
	return sync.OnceFunc(func() { l.release(names) }), nil
}

func (l *locks) one(ctx context.Context, name string) error {
	for {
		l.mu.Lock()
		holder, held := l.held[name]
		if !held {
			if l.held == nil {
				l.held = make(map[string]chan struct{})
			}
			l.held[name] = make(chan struct{})
			l.mu.Unlock()
			return nil
		}
		l.mu.Unlock()
		select {
		case <-holder:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s is busy: %w", ErrRetry, name, context.Cause(ctx))
		}
	}
}

func (l *locks) release(names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		close(l.held[name])
		delete(l.held, name)
	}
}
