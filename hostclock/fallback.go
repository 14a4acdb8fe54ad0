package hostclock

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/truetime"
)

// patience is how long the daemon may be silent before a clock polls for itself: longer than it takes to restart.
const patience = 10 * time.Second

// fallback is the clock that a process has of its own while there is no daemon.
type fallback struct {
	sources []truetime.Source
	options []truetime.Option

	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	clock *truetime.Clock // nil while the daemon is there
	err   error           // why it could not be made
}

// startFallback begins to look whether a clock of this process's own is needed. It is at once if there is a reason,
// missing, why the host's cannot be used.
func (c *Clock) startFallback(f *fallback, missing error) error {
	c.fallback = f
	if missing != nil {
		if err := f.start(); err != nil {
			return fmt.Errorf("%w; and polling for itself: %w", missing, err)
		}
		c.divert(f.clock)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	f.running.Go(func() {
		ticker := time.NewTicker(checkEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				c.chooseClock()
			}
		}
	})
	return nil
}

func (c *Clock) stopFallback() {
	if f := c.fallback; f != nil {
		f.cancel()
		f.running.Wait()
		c.own.Store(nil)
		f.stop()
	}
}

// start makes the clock, unless it is there.
func (f *fallback) start() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clock == nil {
		f.clock, f.err = truetime.New(f.sources, f.options...)
	}
	return f.err
}

func (f *fallback) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clock != nil {
		_ = f.clock.Close()
		f.clock = nil
	}
}

// chooseClock decides whose answers are used from now on.
func (c *Clock) chooseClock() {
	f, v := c.fallback, c.current()
	switch daemon := v.daemon(); {
	case daemon == Running && v.err == nil:
		c.own.Store(nil)
		f.stop()
		return
	case daemon == Running || v.err == nil && v.age() < patience:
		return // it is about to answer, or to come back
	}
	if f.start() != nil {
		return
	}
	// Until it has an answer, the last one of the daemon's is better than none.
	if _, err := f.clock.Now(); err == nil || v.err != nil {
		c.divert(f.clock)
	}
}

// divert makes Now answer from a clock of this process's own: no view covers anything from now on.
func (c *Clock) divert(own *truetime.Clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own.Swap(own) == own {
		return
	}
	diverted := *c.view.Load()
	diverted.lines = line.Nowhere(0)
	c.view.Store(&diverted)
}

// ownStatus is the report of the clock that polls for itself.
func (c *Clock) ownStatus() (*truetime.Status, error) {
	f := c.fallback
	if f == nil {
		return nil, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.clock == nil {
		return nil, f.err
	}
	s := f.clock.Status()
	return &s, nil
}
