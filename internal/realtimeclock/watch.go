// Package realtimeclock compares the local counter with the machine's real-time clock, the one with the battery.
//
// The hypervisor of a virtual machine shows it a clock that goes by the host's (QEMU: -rtc clock=host, the default), also
// while the machine is stopped, saved or being moved, and all that the machine counts with stands still. So it is the one thing in a guest that shows such a pause,
// where there is no VMClock device; to the second only, for that is all that it tells. Answers do not follow from it.
package realtimeclock

import (
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

const (
	// every is how often it is read at most. A reading takes some 20 accesses to ports, each of which ends the guest for a
	// microsecond or more, and up to 2 ms while the clock is being updated (Linux drivers/rtc/rtc-mc146818-lib.c).
	every = time.Second

	// slack is by how much its rate may differ from the counter's: crystals, a host's clock that is slewed, and the drift of the counter.
	slack = 1e-3

	// leastGain on the counter is taken for a pause. It is more than the half second by which Linux may move this clock when it
	// first sets it, as it does every 11 minutes if a time daemon asks for that (kernel/time/ntp.c, sync_hw_clock).
	leastGain = time.Second
)

// Watch remembers by how much the real-time clock is ahead of the counter. It is not safe for concurrent use.
type Watch struct {
	seconds func() (int64, error) // reads the clock, rounded down
	now     func() monotonic.Instant

	begun  bool
	at     monotonic.Instant
	lo, hi int64 // of the clock less the counter, at that reading, in nanoseconds
}

// New returns a watch of a clock that is read by seconds, against a counter that is read by now.
func New(seconds func() (int64, error), now func() monotonic.Instant) *Watch {
	return &Watch{seconds: seconds, now: now}
}

// Look returns what the clock shows to have happened to the counter since the last Look, or the empty string. A pause of 3 s
// or more shows at the next reading, and one of 2 s mostly. A clock that cannot be read shows nothing, and neither does one that is set back.
func (w *Watch) Look() (disruption string) {
	before := w.now()
	if since := before.Sub(w.at); w.begun && 0 <= since && since < every {
		return ""
	}
	seconds, err := w.seconds()
	after := w.now()
	if err != nil || seconds < 0 || seconds > math.MaxInt64/int64(time.Second)-1 {
		return ""
	}
	lo := seconds*int64(time.Second) - int64(after)
	hi := (seconds+1)*int64(time.Second) - int64(before)
	if w.begun && !after.Before(w.at) {
		wider := int64(slack*float64(after.Sub(w.at))) + 1
		w.lo, w.hi = w.lo-wider, w.hi+wider
		if gained := time.Duration(lo - w.hi); gained >= leastGain {
			disruption = fmt.Sprintf("the machine's real-time clock has gained %v or more on the counter: this virtual machine was stopped, restored or moved, "+
				"or that clock was set", gained.Round(time.Millisecond))
		}
		if lo <= w.hi && w.lo <= hi {
			lo, hi = max(lo, w.lo), min(hi, w.hi)
		}
	}
	w.begun, w.at, w.lo, w.hi = true, after, lo, hi
	return disruption
}
