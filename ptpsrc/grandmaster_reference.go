package ptpsrc

import (
	"fmt"

	"github.com/facebook/time/ptp/protocol"
)

// Grandmasters that follow nobody
//
// A grandmaster announces its time source and its clock class (IEEE 1588-2019 tables 6 and 4). One
// that nobody has told otherwise says that its time is that of its internal oscillator, 0xA0, and
// its class 248, which applies if no other does: so do ptp4l as it comes, and every switch that
// becomes grandmaster because the real one is gone. Where such a clock stands has nothing to do
// with true time, and all who are told of it are wrong together.
//
// The time source decides, as the class may have been set to 6 by hand. A class that says that the
// clock is in holdover within its specification is the exception: its time is that of its
// oscillator for the time being, and the accuracy that it announces counts for that (ITU-T G.8275.1
// has it announce 0xA0 then).

// Of the clock classes (IEEE 1588-2019 table 4), with those of grandmaster_quality.go.
const (
	classApplicationHoldover = 14  // as 7, for a time scale of its own
	classSlaveOnly           = 255 // never a grandmaster
)

// WithLocalReference makes a source use grandmasters that say they follow nobody but their own
// oscillator. By default they are unusable, whatever accuracy they or [WithAccuracy] claim. Use it
// where the grandmaster's clock is true time by definition: in tests, on an island without a better
// clock, or for a grandmaster whose clock something else than PTP keeps right and that has not been
// told to say so (ptp4l: clockClass, clockAccuracy and timeSource). The danger is a wrong interval,
// from all such grandmasters together.
//
// They are recognised by their time source, if it is INTERNAL_OSCILLATOR (0xA0) in any other clock
// class than 7 and 14, which are for a holdover within its specification, or HAND_SET (0x60), and
// by clock class 255, slave only. One that announces another time source, but in another class than
// 6 and 7, needs [WithAccuracy] alone.
func WithLocalReference() PTP4LOption {
	return option(func(c *config) { c.trust.local = true })
}

// follows refuses a grandmaster that follows nobody, unless that is allowed.
func (g grandmaster) follows(t trust) error {
	what := ""
	switch {
	case t.local:
	case g.class == classSlaveOnly:
		what = "is slave only"
	case g.source == protocol.TimeSourceHandSet:
		what = "was set by hand"
	case g.source == protocol.TimeSourceInternalOscillator && g.class != classHoldover && g.class != classApplicationHoldover:
		what = "serves its internal oscillator"
	}
	if what == "" {
		return nil
	}
	return unusable("the grandmaster %v follows nobody: it says that it %s (clock class %d, time source 0x%02X); ptpsrc.WithLocalReference allows it", g.identity, what, g.class, uint8(g.source))
}

// shown is what a grandmaster shows of which machine it is: see truetime.Sample.
func (g grandmaster) shown() string {
	if g.identity == 0 {
		return ""
	}
	return fmt.Sprintf("PTP grandmaster %v", g.identity)
}
