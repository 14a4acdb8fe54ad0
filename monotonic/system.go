package monotonic

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// SystemCounter is a counter of this machine. It is made by [System] and [Raw].
type SystemCounter struct {
	choice atomic.Pointer[choice]
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
}

// chooser decides between the hardware counter and the reference. Systems whose kernel says nothing
// about its clocksource always choose the reference.
type chooser struct {
	sysfs  string // where the kernel describes its clocksources
	refuse string // if not empty, why the hardware counter is out of the question
}

// System returns the fastest counter of this machine that no time daemon can slew.
//
// That is the processor's own counter (amd64: LFENCE+RDTSC, arm64: ISB+CNTVCT_EL0, about 20 ns a
// reading), if the kernel itself keeps time by it and, on amd64, the processor calls it invariant.
// System then takes a few milliseconds to measure its rate. Otherwise it is the system's own
// unslewed counter: CLOCK_MONOTONIC_RAW on Linux (a system call, about 200 ns) and macOS,
// QueryPerformanceCounter on Windows. String says which it is, and why not a faster one.
//
// Where there is none of these the error wraps [ErrNoCounter] and says why.
func System() (*SystemCounter, error) { return newSystemCounter(chooser{sysfs: sysfsClocksource}) }

// Raw returns the system's own unslewed counter, also where the processor's would do.
func Raw() (*SystemCounter, error) {
	return newSystemCounter(chooser{sysfs: sysfsClocksource, refuse: "not asked for"})
}

func newSystemCounter(ch chooser) (*SystemCounter, error) {
	if err := checkRaw(); err != nil {
		return nil, err
	}
	c := &SystemCounter{chooser: ch}
	c.choice.Store(ch.choose())
	return c, nil
}

// Clone returns a counter that reads the same and whose [Watch] changes it alone. Whoever
// extrapolates over a counter wants one of his own, because a watch may replace what it reads.
func (c *SystemCounter) Clone() *SystemCounter {
	clone := &SystemCounter{chooser: c.chooser}
	clone.choice.Store(c.choice.Load())
	return clone
}

// Reference reads the system's own counter, whichever Now reads.
func (c *SystemCounter) Reference() Instant { return rawInstant() }

// Now reads the counter. It allocates nothing and may be called from many goroutines.
func (c *SystemCounter) Now() Instant {
	if h := c.choice.Load().hardware; h != nil {
		return h.At(h.Ticks())
	}
	return rawInstant()
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

// String says which counter is read, and why not a faster one.
func (c *SystemCounter) String() string { return c.choice.Load().text }

// choose makes a new choice. For a hardware counter it measures the rate, which takes
// calibrationSpan.
func (ch chooser) choose() *choice {
	suspended := readSuspension()
	clocksource, err := ch.clocksource()
	reason := ch.refuse
	switch {
	case reason != "":
	case err != nil:
		reason = err.Error()
	case clocksource != ticks.ClockSource:
		reason = fmt.Sprintf("the kernel keeps time by %s and not by %s", clocksource, ticks.ClockSource)
	default:
		if err := ticks.Usable(); err != nil {
			reason = err.Error()
		}
	}
	if reason == "" {
		chosen, err := calibrate()
		if err == nil {
			chosen.clocksource, chosen.suspended = clocksource, suspended
			return chosen
		}
		reason = err.Error()
	}
	return &choice{
		resolution:  rawResolution(clocksource),
		text:        fmt.Sprintf("%s; the processor's counter is not used: %s", rawName, reason),
		clocksource: clocksource,
		suspended:   suspended,
	}
}
