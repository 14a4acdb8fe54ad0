package localcounter

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// machine is everything that the choice of a counter, its calibration and its watch read. It is the
// [host], and in tests a script. Readings that must be fast do not go through it.
type machine interface {
	// usable returns an error if the processor's counter is not the clocksource of that name,
	// cannot be read here, or is not invariant.
	usable(clocksource string) error

	// bracket reads the reference between two readings of the processor's counter.
	bracket() (pair, error)

	// step returns by how many ticks the processor's counter moves at once, or more.
	step() uint64

	// raw reads the reference.
	raw() (int64, error)

	// clocksource returns the name of what the kernel keeps time by, which is empty where there is
	// no such thing. An error means that it could not be read.
	clocksource() (string, error)

	// suspension bounds for how long the machine has been suspended.
	suspension() suspension

	sleep(time.Duration)
}

// host is this machine.
type host struct {
	reference reference
	sysfs     string // where the kernel describes its clocksources
}

func (host) usable(clocksource string) error {
	if clocksource == "" {
		return errors.New("this system does not say what it keeps time by")
	}
	if ticks.ClockSource == "" {
		return ticks.ErrUnsupported
	}
	if clocksource != ticks.ClockSource {
		return fmt.Errorf("the kernel keeps time by %s and not by %s", clocksource, ticks.ClockSource)
	}
	return ticks.Usable()
}

func (h host) bracket() (p pair, err error) {
	reference, end := h.reference.uninterrupted()
	defer end()
	p.before = ticks.Read()
	p.raw, err = reference.read()
	p.after = ticks.Read()
	return p, err
}

// step reads the counter until it has moved stepSteps times. Of two readings that differ, the later is ahead by a step at
// least. A processor may count at a lower rate than that of its ticks, and by more of them at once: an AMD EPYC
// (family 26) by 21 at 2.1 GHz, every 10 ns, and the Arm ARM allows it (D12.1.1).
func (host) step() uint64 {
	const stepSteps, stepReadings = 256, 1_000_000
	shortest, last := uint64(math.MaxUint64), ticks.Read()
	for steps, readings := 0, 0; steps < stepSteps && readings < stepReadings; readings++ {
		now := ticks.Read()
		if moved := now - last; int64(moved) > 0 {
			shortest = min(shortest, moved)
			steps++
		}
		last = now
	}
	return shortest
}

func (h host) raw() (int64, error) { return h.reference.read() }

func (host) sleep(d time.Duration) { time.Sleep(d) }

// suspension bounds how long the machine has been suspended since it was booted. The zero value is
// for a system that does not say.
type suspension struct {
	least, most time.Duration
	known       bool
}
