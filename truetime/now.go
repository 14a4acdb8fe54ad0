package truetime

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// answer is one publication: either what to answer with or the reason why there is nothing.
type answer struct {
	err      error
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
	return a.err
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
	if a == nil || a.err != nil {
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
	if !a.Ahead.Covers(raw) {
		return c.beyond(a, raw)
	}
	earliest, latest := a.Ahead.At(raw)
	if uint64(latest-earliest) > c.maxWidth { // also if it were upside down
		return Interval{}, ErrUncertaintyTooLarge
	}
	return Interval{Time(earliest), Time(latest)}, nil
}

// beyond answers for a reading that is out of the range of what has been prepared, and while a leap
// second is being smeared.
func (c *Clock) beyond(a *answer, raw uint64) (Interval, error) {
	earliest, latest, ok := a.Late(raw)
	if !ok {
		return Interval{}, ErrNotSynchronized // the counter went back
	}
	i := Interval{Time(earliest), Time(latest)}
	if uint64(i.Width()) > c.maxWidth {
		return Interval{}, ErrUncertaintyTooLarge
	}
	return i, nil
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

// answer prepares what Now answers with.
func (c *Clock) answer(now monotonic.Instant) answer {
	a := answer{vm: c.watch.vm.device, marker: c.watch.vm.marker}
	raw, meter := uint64(now), discipline.Nanoseconds
	if a.system = localcounter.Of(c.counter); a.system != nil {
		a.hardware = a.system.Hardware()
	}
	if a.hardware != nil {
		raw = a.hardware.Ticks()
		now = monotonic.Instant(a.hardware.At(raw))
		meter.Multiplier, meter.Up = a.hardware.Meter()
	}
	var ok bool
	if a.Answer, ok = c.engine.Answer(now, raw, meter); !ok {
		a.err = ErrNotSynchronized
		if a.State == engine.Faulty {
			a.err = ErrClockFaulty
			if fault := c.engine.Discipline().CounterFault(); fault != "" {
				a.err = fmt.Errorf("%w: %s", ErrClockFaulty, fault)
			}
		}
	}
	return a
}
