package monotonic

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// SystemCounter is a counter of this machine. It is made by [System] and [Raw].
type SystemCounter struct {
	choice    atomic.Pointer[choice]
	reference reference
	chooser
}

// choice is which counter is read, and why. It never changes; a SystemCounter whose hardware
// counter has lost the kernel's trust gets another one.
type choice struct {
	hardware   *Hardware // nil for the system's own counter
	resolution time.Duration
	text       string

	// What was so when the choice was made, and what a Watch holds the present against.
	clocksource string // the kernel's; empty if not known
	suspended   suspension
	start       pair // what the hardware's scale was begun at

	// blind says that the hardware counter was left only because what the kernel keeps time by could not be seen.
	blind bool
}

// chooser decides between the hardware counter and the reference.
type chooser struct {
	machine machine
	refuse  string // if not empty, why the hardware counter is out of the question
}

// System returns the fastest counter of this machine that no time daemon can slew.
//
// That is the processor's own counter (amd64: LFENCE+RDTSC, arm64: ISB+CNTVCT_EL0, about 20 ns a
// reading), if the kernel itself keeps time by it and, on amd64, the processor calls it invariant.
// System then takes a few milliseconds to measure its rate. Otherwise it is the system's own
// unslewed counter: CLOCK_MONOTONIC_RAW on Linux and macOS, QueryPerformanceCounter on Windows. Linux on amd64 reads it
// through the vDSO, in about 27 ns where the kernel keeps time by kvm-clock, hyperv or the TSC; elsewhere it takes a system
// call, 200 to 1500 ns. String says which it is, and why not a faster one.
//
// Where there is none of these the error wraps [ErrNoCounter] and says why. That is so, too, where Linux cannot be seen to keep
// time by anything (no /sys): some systems that only look like Linux, gVisor among them, serve CLOCK_MONOTONIC under the name of
// CLOCK_MONOTONIC_RAW, and that one a time daemon slews. Whoever knows better uses [Raw].
func System() (*SystemCounter, error) { return newHostCounter("") }

// Raw returns the system's own unslewed counter, also where the processor's would do, and also where the kernel does not say
// what it keeps time by: that CLOCK_MONOTONIC_RAW is what its name says is then for the caller to know.
func Raw() (*SystemCounter, error) { return newHostCounter("not asked for") }

func newHostCounter(refuse string) (*SystemCounter, error) {
	reference := openReference()
	if err := reference.check(); err != nil {
		return nil, err
	}
	return newSystemCounter(reference, chooser{host{reference, sysfsClocksource}, refuse})
}

func newSystemCounter(reference reference, ch chooser) (*SystemCounter, error) {
	chosen, err := ch.choose()
	if err != nil {
		return nil, fmt.Errorf("monotonic: %w: %w", err, ErrNoCounter)
	}
	c := &SystemCounter{reference: reference, chooser: ch}
	c.choice.Store(chosen)
	return c, nil
}

// Clone returns a counter that reads the same and whose [Watch] changes it alone. Whoever
// extrapolates over a counter wants one of his own, because a watch may replace what it reads.
func (c *SystemCounter) Clone() *SystemCounter {
	clone := &SystemCounter{reference: c.reference, chooser: c.chooser}
	clone.choice.Store(c.choice.Load())
	return clone
}

// Reference reads the system's own counter, whichever Now reads.
func (c *SystemCounter) Reference() Instant { return c.reference.now() }

// Now reads the counter. It allocates nothing and may be called from many goroutines.
func (c *SystemCounter) Now() Instant {
	if h := c.choice.Load().hardware; h != nil {
		return h.At(h.Ticks())
	}
	return c.reference.now()
}

// Hardware returns the processor's counter if that is what c reads, or nil. It goes on reading the
// processor's counter also when c has turned away from it, which a [Watch] reports.
func (c *SystemCounter) Hardware() *Hardware { return c.choice.Load().hardware }

// Hardware is the processor's counter, scaled to nanoseconds. Reading it through this type, in two
// steps that the compiler can both inline, saves what it costs to ask which counter is read.
type Hardware struct {
	scale scale
}

// Ticks reads the counter. The reading cannot be older than anything that the program has seen.
func (h *Hardware) Ticks() uint64 { return ticks.Read() }

// Meter returns by how much the counter advances with each tick: multiplier·2^(up−64) nanoseconds.
func (h *Hardware) Meter() (multiplier uint64, up uint) { return h.scale.multiplier, h.scale.up }

// At converts a reading. It gives what [SystemCounter.Now] would have given then.
func (h *Hardware) At(ticks uint64) Instant { return h.scale.at(ticks) }

// Resolution is by how much a reading may be behind the counter.
func (c *SystemCounter) Resolution() time.Duration { return c.choice.Load().resolution }

// String says which counter is read and how, and why not a faster one.
func (c *SystemCounter) String() string {
	chosen := c.choice.Load()
	if chosen.hardware != nil {
		return chosen.text
	}
	return c.reference.String() + chosen.text
}

// choose makes a choice. For a hardware counter it measures the rate, which takes calibrationSpan. The error says why what
// the kernel calls CLOCK_MONOTONIC_RAW is not to be trusted either.
func (ch chooser) choose() (*choice, error) {
	suspended := ch.machine.suspension()
	clocksource, err := ch.machine.clocksource()
	reason := ch.refuse
	switch {
	case reason != "":
	case err != nil:
		return nil, fmt.Errorf("%w: so %s may be a clock that is slewed, as it is under gVisor; let /sys be seen, or vouch for it with monotonic.Raw, which truetime.WithCounter takes", err, rawName)
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

// chooseAgain makes the choice that follows another one. What could be seen once may be hidden now, and then the reference
// is read: that it can be trusted was seen before.
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
