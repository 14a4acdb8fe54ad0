package truetime

import (
	"context"
	"math"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// To have another goroutine do something wakes another thread, and on an idle machine that costs more
// than an exchange with a server that is near. So one goroutine of a clock, its attendant, waits for
// whatever is due next, a poll or a look at the counter, and asks near sources itself, one after the
// other. It also needs one timer only: those of a goroutine for each source, and of contexts that have
// ended long ago, are found by the runtime at the time at which they would have fired.
//
// All other sources are asked by a goroutine of their own, so that nobody waits for them; and so are those beyond
// the first few that are due together.

const (
	// nearAtMost is how long a source may have taken last time to be asked by the attendant.
	nearAtMost = time.Millisecond

	// relieveAfter is when another goroutine becomes the attendant, because a source that was near has not
	// come back: at 200 ppm the others' answers are 2 µs wider for having waited.
	relieveAfter = 10 * time.Millisecond

	never = math.MaxInt64

	// oneByOne is how many sources are asked one after the other when they are due together.
	oneByOne = 16
)

// attend sees to what is due until ctx ends or another goroutine does that.
func (c *Clock) attend(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	// One timer for all, set anew each time: those that were stopped wake the process once more.
	relief := time.AfterFunc(never, func() {
		defer c.running.Done()
		c.attend(ctx)
	})
	relief.Stop()
	defer relief.Stop()
	var until monotonic.Instant
	for {
		var reached monotonic.Instant
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			reached = until // whatever the counter says: it may have stopped
		case <-c.again:
		}
		for i, p := range c.due(reached) {
			if !c.ask(ctx, p, i < oneByOne, relief) || ctx.Err() != nil {
				return
			}
		}
		var wait time.Duration
		until, wait = c.next(reached)
		timer.Reset(wait)
	}
}

// due returns the sources that are to be asked now, each once: those that were due when the counter was
// to have reached the given reading, too.
func (c *Clock) due(reached monotonic.Instant) (pollers []*poller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := max(c.counter.Now(), reached)
	stopped := now.Sub(c.counter.Now()) > engine.LookEvery/2 // then nobody's time would come but that of the first
	for _, p := range c.pollers {
		if due, ok := c.engine.Due(p.index); ok && !p.asked && (due <= now || stopped) {
			pollers = append(pollers, p)
		}
	}
	return pollers
}

// next returns until when, and for how long, there is nothing to do. It looks at the counter first when
// it is time for that.
func (c *Clock) next(reached monotonic.Instant) (monotonic.Instant, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.counter.Now()
	// A look that is farther away than any can be means that the counter went back.
	if look := c.engine.LookBy(); look <= max(now, reached) || look.Sub(now) > engine.LookEvery {
		now = c.inspect()
		c.learn(now) // also to publish what is known better about the counter's rate
	}
	c.until = c.earliest()
	return c.until, c.until.Sub(now)
}

// earliest returns when there is something to do: a source to be asked, or a look at the counter. The
// lock is held.
func (c *Clock) earliest() monotonic.Instant {
	earliest := c.engine.LookBy()
	for _, p := range c.pollers {
		if due, ok := c.engine.Due(p.index); ok && !p.asked {
			earliest = min(earliest, due)
		}
	}
	return earliest
}

// ask has a source polled, by the caller if it may and the source is near, and reports whether the caller is
// still the attendant.
func (c *Clock) ask(ctx context.Context, p *poller, may bool, relief *time.Timer) bool {
	c.mu.Lock()
	p.asked = true
	near := p.near && may
	c.mu.Unlock()
	if !near {
		c.running.Go(func() { c.poll(ctx, p) })
		return true
	}
	c.running.Add(1)
	relief.Reset(relieveAfter)
	c.poll(ctx, p)
	if !relief.Stop() {
		return false
	}
	c.running.Done()
	return true
}

// wake has the attendant see what is due next, if that is earlier than what it waits for; a request
// that is already pending is enough. The lock is held.
func (c *Clock) wake() {
	if c.earliest() >= c.until {
		return
	}
	select {
	case c.again <- struct{}{}:
	default:
	}
}
