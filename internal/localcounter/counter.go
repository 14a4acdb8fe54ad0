package localcounter

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// Counter is a counter of this machine. It is made by [System] and [Raw].
type Counter struct {
	choice    atomic.Pointer[choice]
	reference reference
	chooser
}

// choice is which counter is read, and why. It never changes; a Counter whose hardware counter has
// lost the kernel's trust gets another one.
type choice struct {
	hardware   *Hardware // nil for the system's own counter
	resolution time.Duration
	text       string

	// What was true when the choice was made. A Watch compares the present with it.
	clocksource string // the kernel's; empty if not known
	suspended   suspension
	start       pair // where the hardware's scale begins

	// blind means that the hardware counter was given up only because the kernel's clocksource
	// could not be read.
	blind bool
}

// chooser decides between the hardware counter and the reference.
type chooser struct {
	machine machine
	refuse  string // if not empty, why the hardware counter is not to be used
}

// System returns the fastest counter of this machine that no time daemon can slew: see
// monotonic.System.
func System() (*Counter, error) { return newHostCounter("") }

// Raw returns the system's own unslewed counter: see monotonic.Raw.
func Raw() (*Counter, error) { return newHostCounter("not asked for") }

func newHostCounter(refuse string) (*Counter, error) {
	reference := openReference()
	if err := reference.check(); err != nil {
		return nil, err
	}
	return newCounter(reference, chooser{host{reference, sysfsClocksource}, refuse})
}

func newCounter(reference reference, ch chooser) (*Counter, error) {
	chosen, err := ch.choose()
	if err != nil {
		return nil, err
	}
	c := &Counter{reference: reference, chooser: ch}
	c.choice.Store(chosen)
	return c, nil
}

// Of returns the Counter that v is or embeds, or nil if v is something else. A struct that embeds a
// monotonic.Counter embeds no Counter: what wraps a counter of this machine is not one.
func Of(v any) *Counter {
	if c, ok := v.(interface{ self() *Counter }); ok {
		return c.self()
	}
	return nil
}

func (c *Counter) self() *Counter { return c }

// Clone returns another counter with the same readings. A [Watch] may replace what its counter
// reads, so whoever extrapolates over a counter needs one that no other Watch changes.
func (c *Counter) Clone() *Counter {
	clone := &Counter{reference: c.reference, chooser: c.chooser}
	clone.choice.Store(c.choice.Load())
	return clone
}

// Reference reads the system's own counter, whichever Now reads.
func (c *Counter) Reference() int64 { return c.reference.now() }

// Now reads the counter. It allocates nothing and may be called from many goroutines.
func (c *Counter) Now() int64 {
	if h := c.choice.Load().hardware; h != nil {
		return h.At(h.Ticks())
	}
	return c.reference.now()
}

// Hardware returns the processor's counter if that is what c reads, and nil otherwise. The returned
// value keeps reading the processor's counter after c has given it up, which a [Watch] reports.
func (c *Counter) Hardware() *Hardware { return c.choice.Load().hardware }

// Hardware is the processor's counter, scaled to nanoseconds. It is read in two steps, both of
// which the compiler can inline, and without asking which counter is to be read.
type Hardware struct {
	scale scale
}

// Ticks reads the counter. The read is fenced: it is not executed before an earlier load.
func (h *Hardware) Ticks() uint64 { return ticks.Read() }

// Meter returns by how much the counter advances with each tick: multiplier·2^(up−64) nanoseconds.
func (h *Hardware) Meter() (multiplier uint64, up uint) { return h.scale.multiplier, h.scale.up }

// At converts a reading of Ticks to what [Counter.Now] would have returned.
func (h *Hardware) At(ticks uint64) int64 { return h.scale.at(ticks) }

// Resolution returns by how much a reading may be behind the counter.
func (c *Counter) Resolution() time.Duration { return c.choice.Load().resolution }

// String says which counter is read and how, and why not a faster one.
func (c *Counter) String() string {
	chosen := c.choice.Load()
	if chosen.hardware != nil {
		return chosen.text
	}
	return c.reference.String() + chosen.text
}

// choose makes a choice. For a hardware counter it measures the rate, which takes calibrationSpan.
// The error says why not even CLOCK_MONOTONIC_RAW can be trusted.
func (ch chooser) choose() (*choice, error) {
	suspended := ch.machine.suspension()
	clocksource, err := ch.machine.clocksource()
	reason := ch.refuse
	switch {
	case reason != "":
	case err != nil:
		return nil, fmt.Errorf("%w: so %s may be a clock that is slewed, as it is under gVisor; "+
			"let /sys be seen, or vouch for it with monotonic.Raw, which truetime.WithCounter takes", err, rawName)
	default:
		err = ch.machine.usable(clocksource)
	}
	if reason == "" && err == nil {
		var chosen *choice
		if chosen, err = calibrate(ch.machine); err == nil {
			chosen.clocksource, chosen.suspended = clocksource, suspended
			return chosen, nil
		}
	}
	if reason == "" {
		reason = err.Error()
	}
	resolution, err := rawResolution(ch.machine, clocksource)
	if err != nil {
		return nil, err
	}
	return &choice{
		resolution:  resolution,
		text:        "; the processor's counter is not used: " + reason,
		clocksource: clocksource,
		suspended:   suspended,
	}, nil
}

// chooseAgain replaces an earlier choice. If the clocksource can no longer be read, it chooses the
// reference: the earlier choice has shown that it can be trusted.
func (ch chooser) chooseAgain() *choice {
	chosen, err := ch.choose()
	if err == nil {
		return chosen
	}
	resolution, unknown := rawResolution(ch.machine, "")
	if unknown != nil {
		resolution = jiffy
	}
	return &choice{
		resolution: resolution,
		text:       "; the processor's counter is not used: " + err.Error(),
		suspended:  ch.machine.suspension(),
		blind:      true,
	}
}

// strangeHostDriftPPM is what is assumed at least of this machine's oscillator by a clock whose
// counter counts another.
const strangeHostDriftPPM = 200

// HostDriftPPM returns by how much this machine's oscillator may be fast or slow, in parts per
// million, for a clock that declares driftPPM for its counter. If the counter is this machine's,
// that is the declared drift. The user's own counter may be better than the oscillator, of which
// then nothing is declared.
func HostDriftPPM(counter any, driftPPM float64) float64 {
	if Of(counter) != nil {
		return driftPPM
	}
	return max(driftPPM, strangeHostDriftPPM)
}
