package hostclock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

const (
	// lookEvery is how often a clock that somebody waits for looks whether the host's has published anything. Nothing
	// but looking tells a process that may only read.
	lookEvery = 10 * time.Millisecond

	// A daemon that is alive publishes every second. Where none has for a while, looking is done at leisure.
	atLeisure    = 100 * time.Millisecond
	leisureAfter = 3 * time.Second
)

// waiting is whom Changed has promised to tell.
type waiting struct {
	mu      sync.Mutex
	changed chan struct{} // nil if nobody waits
	stop    chan struct{} // closed by Close
	closed  bool
	running sync.WaitGroup
}

func (w *waiting) init() { w.stop = make(chan struct{}) }

// finish tells everybody, and ends the goroutine.
func (w *waiting) finish() {
	w.mu.Lock()
	w.closed = true
	close(w.stop)
	w.mu.Unlock()
	w.running.Wait()
}

// publication is which one a clock answers from.
type publication struct {
	segment    *segment
	generation uint64
	answers    bool
	own        *truetime.Clock
}

func (c *Clock) publication(v *view) publication {
	return publication{v.segment, v.generationAt.Load(), v.err == nil, c.own.Load()}
}

// Changed returns a channel that is closed soon after the host's clock, or the one that this process has of its own, has
// published anything: an answer in which Earliest may have jumped ahead, or a refusal; and when this clock is closed. Soon
// is some 10 ms; 100 ms once nothing has been published for three seconds, as by a dead daemon; and up to 1.1 s when a
// daemon was restarted, whose file is found by the look once a second. Take the channel before calling Now and wait on it
// after, and nothing is missed; then take the next one. While anybody waits a goroutine looks for it.
func (c *Clock) Changed() <-chan struct{} {
	if c == nil || c.view.Load() == nil {
		return nil
	}
	w := &c.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
		if seen, changed := c.publication(c.view.Load()), w.changed; !w.closed {
			var own <-chan struct{}
			if seen.own != nil {
				own = seen.own.Changed()
			}
			w.running.Go(func() { c.awaitChange(seen, own, changed) })
		}
	}
	return w.changed
}

// awaitChange closes the channel when something else than seen is published, or own is closed.
func (c *Clock) awaitChange(seen publication, own <-chan struct{}, changed chan struct{}) {
	began := time.Now() // of the wall clock: no bound follows from it
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	defer func() {
		c.waiting.mu.Lock()
		defer c.waiting.mu.Unlock()
		if c.waiting.changed = nil; c.waiting.closed {
			c.waiting.changed = make(chan struct{}) // nothing is published after Close
		}
		close(changed)
	}()
	for {
		if c.publication(c.current()) != seen {
			return
		}
		select {
		case <-c.waiting.stop:
			return
		case <-own:
			return
		case <-ticker.C:
		}
		if time.Since(began) > leisureAfter {
			ticker.Reset(atLeisure)
		}
	}
}

// WaitSynchronized waits until the clock answers with an uncertainty ε of at most max, which must be above 0.
//
// If ctx ends first the error wraps ctx's and says what was missing; if the clock is closed it is truetime.ErrClosed.
func (c *Clock) WaitSynchronized(ctx context.Context, max time.Duration) error {
	if max <= 0 {
		return fmt.Errorf("hostclock: cannot wait for an uncertainty of %v: it must be above 0", max)
	}
	for {
		changed := c.Changed()
		i, err := c.Now()
		if err == nil && i.Uncertainty() <= max {
			return nil
		}
		if errors.Is(err, truetime.ErrClosed) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if err == nil {
				err = fmt.Errorf("%w: ε is %v and was to be at most %v", truetime.ErrUncertaintyTooLarge, i.Uncertainty(), max)
			}
			return fmt.Errorf("%w: %w: %s", err, ctx.Err(), c.Status().Summary())
		}
	}
}
