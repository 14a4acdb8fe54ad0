package vmclock

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// Reading is what the page said about one moment between two readings of the caller's counter.
type Reading struct {
	Before monotonic.Instant // the caller's counter, just before the moment
	After  monotonic.Instant // and just after it

	UnixNano int64         // the time at that moment: UTC, in nanoseconds since 1970-01-01
	MaxError time.Duration // true time was within MaxError of UnixNano, roundings included

	// PeriodMaxErrorPPM is by how much the true period of the hardware counter may differ from the one that the page
	// states. It says nothing about the nominal rate that this kernel counts with.
	PeriodMaxErrorPPM float64

	Marker        uint64 // the disruption marker, of the same state of the page
	Generation    uint64 // changes when the guest is restored or cloned; only if HasGeneration
	HasGeneration bool

	Status Status // StatusSynchronized or StatusFreeRunning
	Leap   Leap   // never LeapPositive
}

// Status is what the hypervisor says about its clock (clock_status).
type Status uint8

// The states of the hypervisor's clock. The time is used in the states Synchronized and
// FreeRunning.
const (
	StatusUnknown Status = iota
	StatusInitializing
	StatusSynchronized
	StatusFreeRunning // no longer synchronized, and the bound still holds
	StatusUnreliable
)

// String returns the name as in "free-running".
func (s Status) String() string {
	return name("status", uint8(s), "unknown", "initializing", "synchronized", "free-running", "unreliable")
}

// Leap says whether a leap second is near (leap_indicator).
type Leap uint8

// The leap indicators. The Before values mean the end of the present month, the After values that
// of the previous one.
const (
	LeapNone Leap = iota
	LeapBeforePositive
	LeapBeforeNegative
	LeapPositive // during the second 23:59:60
	LeapAfterPositive
	LeapAfterNegative
)

// String returns the name as in "before a positive leap second".
func (l Leap) String() string {
	return name("leap indicator", uint8(l), "none",
		"before a positive leap second", "before a negative leap second", "during a positive leap second",
		"after a positive leap second", "after a negative leap second")
}

func name(kind string, value uint8, names ...string) string {
	if int(value) < len(names) {
		return names[value]
	}
	return fmt.Sprintf("%s %d", kind, value)
}
