package truetime

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// answer is one publication: what the engine says, and what belongs to this machine.
type answer struct {
	hardware *localcounter.Hardware // what to read, as long as this is the answer,
	system   *localcounter.Counter  // or whose reference; both nil for the user's counter
	vm       *vmclock.Device        // whose marker must still be this; nil if there is none
	marker   uint64
	engine.Answer
}

// errNotMade is why a Clock that is nil or a zero value has no answer.
var errNotMade = fmt.Errorf("%w: it is nil, or was not made by New", ErrClosed)

// refusal is why there is no answer.
func (a *answer) refusal() error {
	if a == nil {
		return errNotMade
	}
	return a.Err
}

// Now returns an interval that contains true time: at some moment between the call and the return,
// true time was in it. The error is [ErrNotSynchronized], [ErrUncertaintyTooLarge],
// [ErrClockFaulty] or [ErrClosed], and then there is no interval. A nil Clock and a zero one are closed.
//
// Now takes no lock and allocates nothing. It costs a reading of the counter and two
// multiplications.
func (c *Clock) Now() (Interval, error) {
	// The answer first, then the counter: so the reading cannot be older than the answer, unless the
	// counter went back.
	if c == nil {
		return Interval{}, errNotMade
	}
	a := c.published.Load()
	if a == nil || a.Err != nil {
		return Interval{}, a.refusal()
	}
	var raw uint64
	switch {
	case a.hardware != nil:
		raw = a.hardware.Ticks()
	case a.system != nil:
		raw = uint64(a.system.Reference())
	default:
		raw = uint64(c.counter.Now())
	}
	// The marker after the counter: a disruption in between is noticed, and at worst too early.
	if a.vm != nil && a.vm.Marker() != a.marker {
		return Interval{}, ErrNotSynchronized
	}
	// This decides most refusals: internal/engine/reading.go.
	earliest, latest, err := a.At(raw)
	return Interval{Time(earliest), Time(latest)}, err
}

// reading reads the counter as Now does, which has this written out because a call costs.
func (c *Clock) reading(a *answer) uint64 {
	switch {
	case a.hardware != nil:
		return a.hardware.Ticks()
	case a.system != nil:
		return uint64(a.system.Reference())
	}
	return uint64(c.counter.Now())
}

// answerLocked prepares what Now answers with.
func (c *Clock) answerLocked(now monotonic.Instant) answer {
	a := answer{vm: c.watch.vm.device, marker: c.watch.vm.marker}
	raw, meter := uint64(now), line.Nanoseconds
	if a.system = localcounter.Of(c.counter); a.system != nil {
		a.hardware = a.system.Hardware()
	}
	if a.hardware != nil {
		raw = a.hardware.Ticks()
		now = monotonic.Instant(a.hardware.At(raw))
		meter.Multiplier, meter.Up = a.hardware.Meter()
	}
	a.Answer = c.engine.Answer(now, raw, meter)
	return a
}
