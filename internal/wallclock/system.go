// Package wallclock reads the system's wall clock, CLOCK_REALTIME, for the sources whose time is
// told relative to it, and knows what such a reading is worth: anybody may set that clock, and a
// time daemon slews it. Everything is bounded by the counter in the end.
package wallclock

import (
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Peer is the peer of every source that reads this host's CLOCK_REALTIME. Two such sources see one
// clock, steered by one daemon: they are one vote.
const Peer = "the system clock"

// System reads the wall clock, for a source that is told the error of that very clock. The reading
// is to be bracketed by the counter.
func System() truetime.Time { return truetime.FromStd(time.Now()) }
