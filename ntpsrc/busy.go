package ntpsrc

import "context"

// busy is a lock for what may take seconds: a context can end the wait for it.
type busy chan struct{}

func newBusy() busy { return make(chan struct{}, 1) }

func (b busy) lock(ctx context.Context) error {
	select {
	case b <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b busy) unlock() { <-b }
