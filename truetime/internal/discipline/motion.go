package discipline

import (
	"math"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// motion is what is known at one moment about how true time moves against the counter: its drift,
// always, and bounds on its rate r = dT/dc − 1 if its stability is assumed.
type motion struct {
	CounterSpec
	now    monotonic.Instant
	stable bool // the rest is known

	steadiness

	// At a moment c, r is between low − wander·|c − now| and high + wander·|c − now|.
	low, high float64

	// Up to now and for an hour back it is between steadyLow and steadyHigh, and from now on it is
	// between the coming ones, which move outward by deviationSlew per nanosecond.
	steadyLow, steadyHigh float64
	comingLow, comingHigh float64
}

// upperAt carries an upper bound to c.
func (m *motion) upperAt(p Point, c monotonic.Instant) int64 {
	bound := m.CounterSpec.upperAt(p, c)
	if !m.stable || c <= p.At || p.At > m.now {
		return bound
	}
	gain := m.integral(p.At, c, m.high, m.steadyHigh, m.comingHigh, 1)
	return min(bound, outward(p, c, gain, 1))
}

// lowerAt carries a lower bound to c.
func (m *motion) lowerAt(p Point, c monotonic.Instant) int64 {
	bound := m.CounterSpec.lowerAt(p, c)
	if !m.stable || c <= p.At || p.At > m.now {
		return bound
	}
	gain := m.integral(p.At, c, m.low, m.steadyLow, m.comingLow, -1)
	return max(bound, outward(p, c, gain, -1))
}

// integral bounds how much true time gains on the counter from p to c: from above with side 1, from
// below with side −1. It takes the better of what w and D say.
func (m *motion) integral(p, c monotonic.Instant, rate, steady, coming, side float64) float64 {
	before, after := float64(m.now-p), float64(c-m.now) // of now; their sum is the span
	span := float64(c - p)
	distance := (float64(before*before) + float64(after*after)) / 2
	if after < 0 {
		distance = (float64(before*before) - float64(after*after)) / 2
	}
	wandering := float64(rate*span) + side*float64(m.wander*distance)

	past, future := min(before, span), max(after, 0)
	deviating := float64(steady * past)
	if future > 0 {
		deviating += float64(coming*future) + side*float64(deviationSlew*float64(future*future))/2
	}
	if before > float64(m.hour) || math.IsNaN(deviating) {
		deviating = math.Inf(int(side))
	}
	if side > 0 {
		return min(wandering, deviating)
	}
	return max(wandering, deviating)
}

// outward is the point moved to c with a gain, rounded away from true time.
func outward(p Point, c monotonic.Instant, gain, side float64) int64 {
	const far = 1 << 62
	switch {
	case !(math.Abs(gain) < far): // also if it is not a number
		if side > 0 {
			return math.MaxInt64
		}
		return math.MinInt64
	case side > 0:
		gain = math.Ceil(gain)
	default:
		gain = math.Floor(gain)
	}
	return saturated.Add(saturated.Add(p.Time, int64(c-p.At)), int64(gain)+int64(side))
}

// at returns what facts say about true time at c.
func (m *motion) at(f Facts, c monotonic.Instant) agreement.Interval {
	return agreement.Interval{Lo: m.lowerAt(f.Lower, c), Hi: m.upperAt(f.Upper, c)}
}

// slopes bounds r from now on for a span in nanoseconds, wide enough that the same question later
// never has a worse line for an answer: twice what w adds until then on average.
func (m *motion) slopes(span float64) (low, high float64) {
	low, high = -m.Drift.slowRate(), m.Drift.fastRate()
	if m.stable {
		low = max(low, m.low-float64(m.wander*span), m.comingLow-float64(deviationSlew*span))
		high = min(high, m.high+float64(m.wander*span), m.comingHigh+float64(deviationSlew*span))
	}
	return low, high
}

// rate bounds r now.
func (m *motion) rate() (low, high float64) { return m.slopes(0) }
