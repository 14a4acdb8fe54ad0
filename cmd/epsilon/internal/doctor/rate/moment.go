package rate

import (
	"math"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// The drift that a clock is to assume while the rate of its counter is measured.
//
// What it assumes widens its answers: with two sources that were heard 8 s after one another they are 2.4 ms wider
// at 300 ppm. AssumedDriftPPM is above the default by enough to prove that the default is wrong, if it is. With a
// counter that is off by more the clock turns out to be faulty ([truetime.ErrClockFaulty]), and the measurement begins
// again with a drift that no oscillator has.
const (
	AssumedDriftPPM = 300
	WideDriftPPM    = 1000
)

// moment is a position of the counter, with what is proved of true time there: it is within
// [earliest, latest], in nanoseconds.
type moment struct {
	at               monotonic.Instant
	earliest, latest int64
}

// momentOf is what a clock's answer proves. The counter read before when the clock was asked, and after when it
// had answered: true time was at most latest at the one, and at least earliest at the other. A reading may be
// behind the counter by resolution.
func momentOf(before, after monotonic.Instant, resolution time.Duration, earliest, latest int64, driftPPM float64) moment {
	rho := driftPPM * 1e-6
	stretched := func(d time.Duration) int64 { return int64(math.Ceil(float64(d)/(1-rho))) + 1 }
	return moment{after, earliest - stretched(resolution), latest + stretched(after.Sub(before))}
}

func (m moment) width() int64 { return m.latest - m.earliest }

// interval is a range of rates or of changes of rates.
type interval struct{ low, high float64 }

// rounding is far above what the operations below lose, in ppm, and far below a rate that matters.
const rounding = 1e-9

// meanRate bounds by how much the counter ran faster than true time from p to q, as a mean, in ppm:
// (Δc/ΔT − 1)·10⁶. It is not ok if nothing bounds it from above.
func meanRate(p, q moment) (i interval, ok bool) {
	counted := int64(q.at - p.at)
	shortest, longest := q.earliest-p.latest, q.latest-p.earliest
	if counted <= 0 || shortest <= 0 {
		return interval{}, false
	}
	const million = 1e6
	return interval{
		low:  float64(counted-longest)/float64(longest)*million - rounding,
		high: float64(counted-shortest)/float64(shortest)*million + rounding,
	}, true
}

// wander bounds from below how fast the rate must have changed, in ppb/s, to have the mean rates that it had
// from p to q and from q to r: what is not ruled out for each of them leaves a difference of low to high.
//
// If the rate changes by no more than w per second of true time, the means over two stretches side by side
// differ by at most w times half of both together. So least is proved to have been exceeded. Most is the
// largest change that these two means do not rule out.
func wander(p, q, r moment) (least, most float64, ok bool) {
	first, ok1 := meanRate(p, q)
	second, ok2 := meanRate(q, r)
	shortest, longest := r.earliest-p.latest, r.latest-p.earliest
	if !ok1 || !ok2 || shortest <= 0 {
		return 0, 0, false
	}
	low, high := second.low-first.high, second.high-first.low
	const perSecond = 2 * 1e9 * 1e3 // of half of a number of nanoseconds, and ppb in a ppm
	return max(low, -high, 0) * perSecond / float64(longest), max(high, -low) * perSecond / float64(shortest), true
}
