package discipline

import (
	"fmt"
	"math"

	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// shownRate is what the facts of one source say about the rate of the counter, dc/dT − 1, if nothing is
// assumed about it but that it does not change. No answer follows from that. It is for people: a counter
// that is refused for running outside its drift is to be told how far it is off.
//
// Epochs end again and again there, each before much is known. So this outlives an epoch that ends for a
// contradiction, and no other: after a suspend or a restore the counter has stood still.
type shownRate struct {
	first     Facts
	heard     bool
	low, high float64
}

// rateTolerance is by how much the rate of a counter may change while it is measured: the swing of a
// crystal within an hour or two.
const rateTolerance = 2e-6

// use takes in the facts of a sample, as they came: a reading may be behind the counter by resolution.
func (r *shownRate) use(f Facts, resolution int64) {
	begin := shownRate{first: Facts{Upper: f.Upper, Lower: f.Lower}, heard: true, low: math.Inf(-1), high: math.Inf(1)}
	if !r.heard {
		*r = begin
		return
	}
	low, high, ok := rateBetween(r.first, f, resolution)
	if !ok {
		return
	}
	r.low, r.high = max(r.low, low-rateTolerance), min(r.high, high+rateTolerance)
	if r.low > r.high { // it has changed, or somebody's clock was stepped
		*r = begin
	}
}

// rateBetween bounds dc/dT − 1 between the facts of two samples.
func rateBetween(p, q Facts, resolution int64) (low, high float64, ok bool) {
	atMost, atLeast := saturated.Sub(q.Upper.Time, p.Lower.Time), saturated.Sub(q.Lower.Time, p.Upper.Time)
	shortest, longest := int64(q.Upper.At-p.Lower.At)-resolution, int64(q.Lower.At-p.Upper.At)+resolution
	if shortest <= 0 || atMost <= 0 || atMost == math.MaxInt64 {
		return 0, 0, false
	}
	low, high = float64(shortest)/float64(atMost)-1, math.Inf(1)
	if atLeast > 0 {
		high = float64(longest)/float64(atLeast) - 1
	}
	return low, high, true
}

// perRate is the unit in which voters agree on a rate.
const perRate = 1e12

// ShownRate bounds dc/dT − 1, by how much faster than true time the counter has run, wherever n−f voters
// agree on it. It is not ok while they do not, or have not been heard.
func (d *Discipline) ShownRate() (low, high float64, ok bool) {
	var votes agreement.Votes
	for v, sources := range d.voters {
		var members agreement.Votes
		for _, i := range sources {
			members.Cast(d.shown[i].interval())
		}
		var region agreement.Region
		region.Compute(&members, d.tolerates[v], d.within[v])
		votes.Cast(region.Parts()...)
	}
	var region agreement.Region
	region.Compute(&votes, d.faulty, &d.twins)
	hull := region.Hull()
	return float64(hull.Lo) / perRate, float64(hull.Hi) / perRate, hull.Bounded()
}

func (r *shownRate) interval() agreement.Interval {
	const most = 1e6 // a counter that is a million times too fast has not been measured
	i := agreement.Everything
	if r.heard && r.low > -1 {
		i.Lo = int64(math.Floor(min(r.low, most) * perRate))
	}
	if r.heard && r.high < most {
		i.Hi = int64(math.Ceil(r.high * perRate))
	}
	return i
}

// CounterFault says how far the counter is off, and which drift would admit that, if the voters agree that it runs
// outside the one that is assumed. It is empty otherwise.
func (d *Discipline) CounterFault() string {
	low, high, ok := d.ShownRate()
	slow, fast := d.counter.Drift.slowRate(), d.counter.Drift.fastRate()
	slowest, fastest := -fast/(1+fast), slow/(1-slow)
	if !ok || low <= fastest && high >= slowest {
		return ""
	}
	const million = 1e6
	text := fmt.Sprintf("the voters agree that the local counter is off by %+.0f to %+.0f ppm, where %.0f are allowed for",
		math.Floor(low*million), math.Ceil(high*million), math.Floor(fastest*million))
	if most := roundedUp((max(-low, high) + fastest) * million); most <= MaxDriftPPB/1000 {
		return text + fmt.Sprintf("; WithDrift(%.0f) would admit it", most)
	}
	return text + "; no drift admits that: use another counter"
}

// roundedUp rounds up to two digits.
func roundedUp(ppm float64) float64 {
	digit := math.Pow(10, max(math.Floor(math.Log10(ppm))-1, 0))
	return math.Ceil(ppm/digit) * digit
}
