package truetime

import (
	"context"
	"time"

	"github.com/epsilontime/epsilon/internal/handover"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// To have another goroutine do something wakes another thread, and on an idle machine that costs more
// than an exchange with a server that is near. So one goroutine of a clock, its attendant, waits for
// whatever is due next, a poll or a look at the counter, and asks those sources itself, one after the
// other, that hand over before they wait for long (package handover). When one does, another goroutine
// becomes the attendant. So nobody waits for anybody.
//
// There is no timer but its alarm: each of Go's timers wakes the process, even one that was stopped long before
// it would have fired. See also [deadline].
//
// All other sources are asked by a goroutine of their own, and so are those beyond the first few that are
// due together.

// oneByOne is how many sources are asked one after the other when they are due together.
const oneByOne = 16

// attend asks the sources that are its own to ask, and then sees to what is due, until the clock is closed or
// another goroutine does that. Reached is what the counter was to have reached when they were due.
func (c *Clock) attend(ctx context.Context, own []*poller, reached monotonic.Instant) {
	for {
		for i, p := range own {
			// Who takes over asks the others too. To find out again who is due would not do: where the counter
			// has stopped that is nobody but the first.
			takeOver := func() { c.attend(ctx, own[i+1:], reached) }
			if !c.ask(ctx, p, takeOver) || ctx.Err() != nil {
				return
			}
		}
		if !c.rest(reached) || !c.alarm.Wait() {
			return
		}
		reached = c.awake()
		own = c.begin(ctx, reached)
	}
}

// begin has all that are due asked by goroutines of their own, but for those that it returns: they are the
// attendant's to ask.
func (c *Clock) begin(ctx context.Context, reached monotonic.Instant) (own []*poller) {
	for _, p := range c.due(reached) {
		if p.handsOver && len(own) < oneByOne {
			own = append(own, p)
		} else {
			c.running.Go(func() { c.poll(ctx, p) })
		}
	}
	return own
}

// due returns the sources that are to be asked now, and will be, each once: those that were due when the
// counter was to have reached the given reading, too.
func (c *Clock) due(reached monotonic.Instant) (pollers []*poller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := max(c.counter.Now(), reached)
	stopped := now.Sub(c.counter.Now()) > engine.LookEvery/2 // then nobody's time would come but that of the first
	for _, p := range c.pollers {
		if !p.asked && (c.engine.Due(p.index) <= now || stopped && !c.engine.Denied(p.index)) {
			p.asked = true
			pollers = append(pollers, p)
		}
	}
	return pollers
}

// rest sets the alarm for when there is next something to do. It looks at the counter first when it is time
// for that. It is false if the clock is closed.
func (c *Clock) rest(reached monotonic.Instant) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Closed {
		return false
	}
	now := c.counter.Now()
	// A look that is farther away than any can be means that the counter went back.
	if look := c.engine.LookBy(); look <= max(now, reached) || look.Sub(now) > engine.LookEvery {
		now = c.inspect()
		c.learn(now) // also to publish what is known better about the counter's rate
	}
	c.until = c.earliest()
	wait := c.until.Sub(now)
	c.rested = time.Now().Add(wait) // as the alarm goes by the same clock; no bound follows from it
	c.alarm.Set(wait)
	return true
}

// awake returns what the counter should have reached now that the alarm has fired, whatever it says: it may
// have stopped. That is nothing if the alarm has fired early.
func (c *Clock) awake() monotonic.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.rested) {
		return 0
	}
	return c.until
}

// earliest returns when there is something to do: a source to be asked, or a look at the counter. The
// lock is held.
func (c *Clock) earliest() monotonic.Instant {
	earliest := c.engine.LookBy()
	for _, p := range c.pollers {
		if !p.asked {
			earliest = min(earliest, c.engine.Due(p.index))
		}
	}
	return earliest
}

// ask polls a source that hands over, and reports whether the caller is still the attendant. If not, another
// goroutine takes over.
func (c *Clock) ask(ctx context.Context, p *poller, takeOver func()) bool {
	attending := true
	c.poll(handover.With(ctx, func() {
		if attending {
			attending = false
			c.running.Go(takeOver)
		}
	}), p)
	return attending
}

// wake has the attendant see what is due next, if that is earlier than what it waits for. The lock is held.
func (c *Clock) wake() {
	if c.state != Closed && c.earliest() < c.until {
		c.alarm.Set(0)
	}
}
