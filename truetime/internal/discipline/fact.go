package discipline

import (
	"math/bits"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// Point is a moment on the counter together with a bound, in nanoseconds, for true time at that
// moment. Whether it bounds from above or from below is said by where it stands.
type Point struct {
	At   monotonic.Instant
	Time int64
}

// Facts is what one exchange with a source proves, if the source is correct: two one-sided bounds,
// at two different moments. Nothing is assumed about how the delay splits between the two ways.
type Facts struct {
	Upper Point // the request cannot arrive before it was sent: true time at Upper.At ≤ Upper.Time
	Lower Point // the reply cannot arrive before it was sent:   true time at Lower.At ≥ Lower.Time
}

// Scale is what is known about the counter.
type Scale struct {
	Drift Drift

	// Resolution is by how much a reading may be behind the counter, in nanoseconds: readings are
	// rounded down, and the counter itself advances in ticks. A span between two readings may
	// therefore be wrong by that much either way.
	Resolution int64
}

// upperAt carries an upper bound from its own moment to c, rounded up. Forwards true time gains at
// most 1 + fast per unit of the counter, backwards it loses at least 1 − slow.
func (s Scale) upperAt(p Point, c monotonic.Instant) int64 {
	span := saturated.Sub(int64(c), int64(p.At))
	if span >= 0 {
		return saturated.Add(saturated.Add(p.Time, span), grow(span, s.Drift.fast)+s.Resolution)
	}
	return saturated.Add(saturated.Add(p.Time, span), grow(saturated.Abs(span), s.Drift.slow)+s.Resolution)
}

// lowerAt carries a lower bound to c, rounded down.
func (s Scale) lowerAt(p Point, c monotonic.Instant) int64 {
	span := saturated.Sub(int64(c), int64(p.At))
	if span >= 0 {
		return saturated.Sub(saturated.Add(p.Time, span), grow(span, s.Drift.slow)+s.Resolution)
	}
	return saturated.Sub(saturated.Add(p.Time, span), grow(saturated.Abs(span), s.Drift.fast)+s.Resolution)
}

// At returns what the facts say about true time when the counter reads c. The interval is empty if
// they contradict each other.
func (f Facts) At(c monotonic.Instant, s Scale) agreement.Interval {
	return agreement.Interval{Lo: s.lowerAt(f.Lower, c), Hi: s.upperAt(f.Upper, c)}
}

// Bounds is the answer of the discipline: two lines, the lower with slope 1 − slow and the upper
// with slope 1 + fast, between which true time runs from now on.
type Bounds struct {
	Facts
	Scale Scale
}

// At evaluates the bounds at counter reading c, rounded outward.
func (b *Bounds) At(c monotonic.Instant) agreement.Interval { return b.Facts.At(c, b.Scale) }

// Ahead is a Bounds made ready to be evaluated often, from one counter reading on and for a limited
// span. It gives the same answers as [Bounds.At], at the cost of two multiplications and without a
// branch.
type Ahead struct {
	lowerAt, upperAt monotonic.Instant
	lower, upper     int64 // moved outward by all that does not depend on the reading
	slow, fast       uint64
}

// AheadSpan is the span for which an Ahead may be evaluated: 73 years.
const AheadSpan = 1 << 61

// Ahead prepares the bounds for readings from c to c + AheadSpan. It reports false if the points are
// not in the past of c, or if anything is so large that it might overflow.
func (b *Bounds) Ahead(c monotonic.Instant) (Ahead, bool) {
	const (
		timeLimit    = 1 << 62 // the year 2116
		instantLimit = 1 << 61 // 73 years of uptime
	)
	for _, p := range []Point{b.Lower, b.Upper} {
		if p.At.After(c) || p.At < -instantLimit || c > instantLimit || p.Time < -timeLimit || p.Time > timeLimit {
			return Ahead{}, false
		}
	}
	return Ahead{
		lowerAt: b.Lower.At, lower: b.Lower.Time - b.Scale.Resolution - 1, slow: b.Scale.Drift.slow,
		upperAt: b.Upper.At, upper: b.Upper.Time + b.Scale.Resolution + 1, fast: b.Scale.Drift.fast,
	}, true
}

// At evaluates the bounds.
func (a *Ahead) At(c monotonic.Instant) (lower, upper int64) {
	sinceLower, sinceUpper := int64(c-a.lowerAt), int64(c-a.upperAt)
	lost, _ := bits.Mul64(uint64(sinceLower), a.slow)
	gained, _ := bits.Mul64(uint64(sinceUpper), a.fast)
	return a.lower + sinceLower - int64(lost), a.upper + sinceUpper + int64(gained)
}
