// Package published has what a clock publishes, in the form in which it leaves the process: what another
// process of this machine needs to answer as the clock does, and to notice when it must not.
//
// Its lines hold for ever, whatever leap second comes, so a reader may go on with them when nobody
// publishes any more. A clock in its own process needs no such lines: it is there when the smear of
// a leap second begins.
package published

import (
	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
)

// Record is one publication. It is a value, and comparable.
type Record struct {
	State   uint8 // a truetime.State
	Answers bool  // there are lines

	Epoch    uint64
	MaxWidth uint64 // of an answer, in nanoseconds

	// Shown bounds true time in smeared UTC over raw readings of the counter. Both of its edges end.
	Shown line.Pair

	// TAI bounds true time in TAI over the same readings, up to TAIUntil, if TAIKnown. Both edges end.
	TAI      line.Pair
	TAIKnown bool
	TAIUntil int64

	LeapStatus uint8 // a truetime.LeapStatus
	LeapAt     int64 // the midnight of UTC that it is about, or 0

	// The VMClock device of this machine, if it is watched, has this disruption marker.
	VM     bool
	Marker uint64

	// Counter says which counter the lines are over, and what must not have happened to it.
	Counter localcounter.Witness
}

// Lines is the part of a Record that the engine knows.
type Lines struct {
	Shown, TAI line.Pair
	TAIKnown   bool
	TAIUntil   int64
	MaxWidth   uint64
}
