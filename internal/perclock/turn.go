package perclock

import (
	"context"
	"sync"
)

// Turn is a lock for what may take seconds: a context can end the wait for it. A source that learns from the order of
// its polls, or that can do only one at a time, has one for the whole of Sample. The zero Turn is ready for use.
type Turn struct {
	once  sync.Once
	taken chan struct{}
}

// Take waits for the turn, or for the end of the context, whose error it then returns.
func (t *Turn) Take(ctx context.Context) error {
	t.once.Do(func() { t.taken = make(chan struct{}, 1) })
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave ends the turn of who has it.
func (t *Turn) Leave() { <-t.taken }
