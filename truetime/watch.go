package truetime

import (
	"context"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/realtimeclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

// watchAtMost is how soon after a look there is nothing new to see: sources that are asked at the
// same time share one.
const watchAtMost = 10 * time.Millisecond

// machineWatch is a [localcounter.Watch].
type machineWatch interface {
	Check() error
	Rate() (low, high float64)
	Witness() localcounter.Witness
}

// watch is what the clock knows about its counter's trustworthiness. The clock's lock guards it.
type watch struct {
	counter  monotonic.Counter
	machine  machineWatch // nil if the counter is the user's own
	vm       vmWatch
	realTime *realtimeclock.Watch // nil if there is none, or nothing that it could show
	rho      discipline.Drift     // as declared
	last     monotonic.Instant
}

func newWatch(config config) watch {
	w := watch{
		counter: config.counter,
		vm:      newVMWatch(config.vmclock, config.vmclockText),
		rho:     config.engine.Discipline.Counter.Drift,
		last:    config.counter.Now(),
	}
	if c := localcounter.Of(config.counter); c != nil {
		machine := c.Watch()
		_ = machine.Check() // measures the rate for the first time; there is no history to disrupt
		w.machine = machine
		if read := realtimeclock.Read(); read != nil && config.vmclock == nil {
			w.realTime = realtimeclock.New(read, config.counter.Now)
			w.realTime.Look()
		}
	}
	return w
}

// counterSpec is the declared drift with what is not known about the rate of the counter itself, and the
// counter's resolution.
func (w *watch) counterSpec() discipline.CounterSpec {
	s := discipline.CounterSpec{Drift: w.rho, Resolution: int64(monotonic.Resolution(w.counter))}
	if w.machine != nil {
		s.Drift = w.rho.Scaled(w.machine.Rate())
	}
	return s
}

// look returns what has happened to the counter since the last look, or the empty string.
func (w *watch) look() (disruption string) {
	if since := w.counter.Now().Sub(w.last); 0 < since && since < watchAtMost { // one that stands still is looked at
		return ""
	}
	if w.machine != nil {
		if err := w.machine.Check(); err != nil {
			disruption = err.Error()
		}
	}
	if changed := w.vm.look(); disruption == "" {
		disruption = changed
	}
	if w.realTime != nil {
		if gained := w.realTime.Look(); disruption == "" {
			disruption = gained
		}
	}
	w.last = w.counter.Now()
	return disruption
}

func (w *watch) describe() string {
	text := fmt.Sprintf("a counter of type %T", w.counter)
	if s, ok := w.counter.(fmt.Stringer); ok {
		text = s.String()
	}
	if w.machine == nil {
		text += ", not watched for disruptions"
	}
	if w.vm.text != "" {
		text += "; " + w.vm.text
	}
	if w.realTime != nil {
		text += "; real-time clock watched at " + realtimeclock.Path
	}
	return text
}

// lookWhenDue looks at the counter whenever nobody has for a while, until ctx ends. Each poll looks too, and puts the
// timer off.
func (c *Clock) lookWhenDue(ctx context.Context) {
	defer c.lookAt.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.lookAt.C:
			c.mu.Lock()
			c.publishLocked(c.lookLocked()) // also to publish what is known better about the counter's rate
			c.mu.Unlock()
		}
	}
}

// lookLocked sees whether the counter may still be trusted, and ends the epoch if not. It returns the
// counter's reading.
func (c *Clock) lookLocked() monotonic.Instant {
	disruption := c.watch.look()
	now, counter := c.counter.Now(), c.watch.counterSpec()
	c.engine.Look(now, counter, disruption)
	c.lookAt.Reset(engine.LookEvery)
	c.recordLocked(now, func() []byte { return journal.Look(c.engine, now, counter, disruption) })
	return now
}
