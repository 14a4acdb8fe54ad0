package clockbound

import (
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// What has to be written
//
// A client reads the segment, then R = CLOCK_REALTIME, then M = CLOCK_MONOTONIC_COARSE, and takes
//
//	R ± (bound + trunc((M − as_of) · max_drift))
//
// We do not steer CLOCK_REALTIME. Let T be true time, as our clock counts it, and D = T − R by how
// much CLOCK_REALTIME is behind. Between two readings a and b of it our clock answers [E, L], so at
// some moment t of that D was in [E − b, L − a]. How large may it be later?
//
// CLOCK_REALTIME runs at a rate r against true time. The oscillator is within ρ of it, the daemon
// slews by up to s, and corrects the frequency by up to F, the 500 ppm that Linux takes for one. (chronyd
// corrects it by the length of the tick as well, by up to a tenth: that is part of s.) Slewing
// moves CLOCK_MONOTONIC just as much, so that runs at r, too. T is smeared, and runs at up to 1 + σ,
// as σ = 1/86399 of a second is left out in each (truetime.Time). While CLOCK_MONOTONIC goes on by
// m, D changes by at most |1 ± σ − r|/r · m, which is the most where CLOCK_REALTIME is slowest:
//
//	d = (1 + σ)/((1 − ρ)(1 − s − F)) − 1
//
// This is what is written for max_drift. So the client itself adds what may have been slewed, for as
// long as it uses the segment, and whether the next write comes in time or never does not matter.
// With s = 100 000 ppm, which is whatever chronyd does, and ρ = 200 ppm it is 111 964 ppm: 11.2 ms more
// after 100 ms, and 0.56 s after 5 s.
//
// The age that the client computes may be too small. as_of is read before a, and a coarse clock is
// behind, so that end errs to the safe side. But M is behind as well. It moves with the tick of one
// processor; if that is not running, another one makes up for it when it has seen five ticks of its
// own go by (MAX_STALLED_JIFFIES in kernel/time/tick-sched.c, since Linux 5.18). So six ticks are
// added to the age.
//
// In a virtual machine that is not enough. A processor that its host does not run gets one
// interrupt for any number of ticks that it has missed. If all of them stand still together, under a
// quota, for a migration, and the one that moves the coarse clock is the last to run again, the
// others read one that is behind by the whole pause. CLOCK_REALTIME has gone on. And where all stand still
// again before the one that makes up for it has seen five ticks, as under a quota of less than a tick, there is a
// pause before each of them. So the longest such pause P, which has to be declared, is added to each tick. The
// bound to be written is
//
//	max(L − a, b − E) + d · 6 · (tick + P) + 4 ns
//
// The nanoseconds are the client's truncation of the growth, the rest of its arithmetic in floating
// point, and what the kernel cuts off R and M.
//
// # Until when
//
// ClockBound's client of version 2 believes the status of a segment for 5 s after as_of whatever
// void_after says, and afterwards says FreeRunning up to void_after and Unknown beyond. So void_after
// is as_of + 5 s, the least that means anything: the bound of a writer that has died is out of use
// after 5 s, and until then it is true if nobody sets the clock. The client of version 3 is said to
// believe it for 60 s. The growth covers that too.

const (
	// steeredPPM is F: MAXFREQ of include/linux/timex.h.
	steeredPPM = 500

	// smear is σ, for a leap second that is left out.
	smear = 1.0 / 86399

	// stalledTicks is by how many ticks the coarse clock may be behind.
	stalledTicks = 6

	// arithmetic is what a client's arithmetic and the kernel's readings cut off.
	arithmetic = 4 * time.Nanosecond

	// lifetime is how long a segment is used after as_of.
	lifetime = 5 * time.Second

	// maxBound is where a bound stops to say anything.
	maxBound = time.Hour
)

// motion says how CLOCK_REALTIME may move against true time.
type motion struct {
	driftPPB uint32        // d, by CLOCK_MONOTONIC, rounded up
	behind   time.Duration // by how much CLOCK_MONOTONIC_COARSE may be behind
}

// newMotion returns that of a clock that is slewed by at most slewPPM, on an oscillator that is off
// by at most driftPPM, with a tick of the given length, and with pauses of a virtual machine.
func newMotion(slewPPM, driftPPM float64, tick, longestPause time.Duration) motion {
	slowest := (1 - driftPPM/1e6) * (1 - (slewPPM+steeredPPM)/1e6)
	const inexact = 1 + 1e-12
	return motion{
		driftPPB: uint32(math.Ceil(((1+smear)/slowest - 1) * 1e9 * inexact)),
		behind:   stalledTicks * (tick + longestPause),
	}
}

// bound returns the bound to be written if the interval was answered between two readings of
// CLOCK_REALTIME.
func (m motion) bound(a truetime.Time, i truetime.Interval, b truetime.Time) (time.Duration, error) {
	if b < a {
		return 0, fmt.Errorf("CLOCK_REALTIME went back by %v", a.Sub(b))
	}
	farther := max(i.Latest.Sub(a), b.Sub(i.Earliest), 0)
	if farther > maxBound {
		return 0, fmt.Errorf("CLOCK_REALTIME is %v off, or may be: set it", farther)
	}
	return farther + m.growth(m.behind) + arithmetic, nil
}

// growth returns by how much the bound grows in a time of CLOCK_MONOTONIC, rounded up.
func (m motion) growth(d time.Duration) time.Duration {
	const whole = 1_000_000_000
	seconds, rest := d/whole, d%whole // of which neither overflows, nor does it lose anything
	return seconds*time.Duration(m.driftPPB) + (rest*time.Duration(m.driftPPB)+whole-1)/whole
}
