package localcounter

import (
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// Witness is what a [Watch] knows of its counter, for other processes of this machine: which counter it
// is, and what it must still be like for readings to be compared with those of the Watch. It is
// comparable.
type Witness struct {
	Hardware   bool   // the processor's counter, and otherwise the system's own
	Multiplier uint64 // of the processor's: a tick is Multiplier·2^(Up−64) ns
	Up         uint

	Clocksource uint64 // what the kernel keeps time by, as [ClocksourceID] has it; 0 if not known

	// For how long the machine has been suspended since it was booted.
	SuspensionKnown               bool
	SuspendedLeast, SuspendedMost time.Duration

	// The system's counter read Raw while the processor's went from Before to After, and since
	// then as before that one runs against the other at a rate dc/dr − 1 between Low and High.
	Compared      bool
	Before, After uint64
	Raw           int64
	Low, High     float64
}

// Witness returns what the Watch has seen up to the last Check.
func (w *Watch) Witness() Witness {
	s := Witness{
		Clocksource:     ClocksourceID(w.clocksource),
		SuspensionKnown: w.suspended.known,
		SuspendedLeast:  w.suspended.least,
		SuspendedMost:   w.suspended.most,
	}
	if h := w.chosen.hardware; h != nil {
		s.Hardware = true
		s.Multiplier, s.Up = h.Meter()
		s.Compared, s.Low, s.High = w.begun, w.low, w.high
		s.Before, s.After, s.Raw = w.last.before, w.last.after, w.last.raw
	}
	return s
}

// ClocksourceID is a number for the name of a clocksource: FNV-1a with 64 bits, and 0 for no name.
func ClocksourceID(name string) uint64 {
	if name == "" {
		return 0
	}
	id := uint64(14695981039346656037)
	for i := range len(name) {
		id = (id ^ uint64(name[i])) * 1099511628211
	}
	return id
}

// Moved returns the Witness as a process sees it whose CLOCK_MONOTONIC and CLOCK_BOOTTIME are ahead by so
// much, because it is in another time namespace (time_namespaces(7)). The processor's counter is the
// same in all of them.
func (s Witness) Moved(monotonic, boot time.Duration) Witness {
	s.Raw += int64(monotonic)
	s.SuspendedLeast += boot - monotonic
	s.SuspendedMost += boot - monotonic
	return s
}

// Verify returns an error that names the cause if the counter of this machine can no longer be compared
// with what a Watch of another process has seen: it does for a reader what [Watch.Check] does for
// who publishes. What cannot be read counts as unchanged.
func (c *Counter) Verify(s Witness) error {
	if now := c.machine.suspension(); now.known && s.SuspensionKnown {
		if now.least > s.SuspendedMost || now.most < s.SuspendedLeast {
			return fmt.Errorf("the machine was suspended for about %v", (now.least - s.SuspendedLeast).Round(time.Millisecond))
		}
	}
	if name, err := c.machine.clocksource(); err == nil && s.Clocksource != 0 && ClocksourceID(name) != s.Clocksource {
		return fmt.Errorf("the kernel changed its clocksource, to %s", name)
	}
	if !s.Hardware || !s.Compared {
		return nil
	}
	then := pair{s.Before, s.After, s.Raw}
	now, err := readPair(c.machine)
	if err != nil {
		return nil
	}
	if now.raw < then.raw || int64(now.before-then.after) < 0 {
		return errors.New("the counter went back")
	}
	scale := scale{origin: s.Before, multiplier: s.Multiplier, up: s.Up}
	if low, high := scale.rateBetween(then, now); low > s.High || high < s.Low {
		return fmt.Errorf("the processor's counter ran at %+.1f to %+.1f ppm against %s, after %+.1f to %+.1f ppm",
			low*1e6, high*1e6, rawName, s.Low*1e6, s.High*1e6)
	}
	return nil
}

// Readable returns an error if this process cannot read the processor's counter.
func Readable() error {
	if ticks.ClockSource == "" {
		return ticks.ErrUnsupported
	}
	return ticks.Usable()
}

// ReferenceString says how the system's own counter is read.
func (c *Counter) ReferenceString() string { return c.reference.String() }
