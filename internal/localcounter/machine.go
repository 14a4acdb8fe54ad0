package localcounter

import (
	"errors"
	"fmt"
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

func (h host) raw() (int64, error) { return h.reference.read() }

func (host) sleep(d time.Duration) { time.Sleep(d) }

// suspension bounds how long the machine has been suspended since it was booted. The zero value is
// for a system that does not say.
type suspension struct {
	least, most time.Duration
	known       bool
}
