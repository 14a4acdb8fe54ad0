package discipline

import (
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

// upperAt carries an upper bound from its own moment to c, rounded up. Forwards true time gains at
// most 1+ρ' per unit of the counter, backwards it loses at least 1−ρ'; both come to the same sum.
func (d Drift) upperAt(p Point, c monotonic.Instant) int64 {
	span := saturated.Sub(int64(c), int64(p.At))
	return saturated.Add(saturated.Add(p.Time, span), d.grow(saturated.Abs(span)))
}

// lowerAt carries a lower bound to c, rounded down.
func (d Drift) lowerAt(p Point, c monotonic.Instant) int64 {
	span := saturated.Sub(int64(c), int64(p.At))
	return saturated.Sub(saturated.Add(p.Time, span), d.grow(saturated.Abs(span)))
}

// At returns what the facts say about true time when the counter reads c. The interval is empty if
// they contradict each other.
func (f Facts) At(c monotonic.Instant, d Drift) agreement.Interval {
	return agreement.Interval{Lo: d.lowerAt(f.Lower, c), Hi: d.upperAt(f.Upper, c)}
}

// Bounds is the answer of the discipline: two lines, the lower with slope 1−ρ' and the upper with
// slope 1+ρ', between which true time runs from now on.
type Bounds struct {
	Facts
	Drift Drift
}

// At evaluates the bounds at counter reading c, rounded outward. It costs two multiplications.
func (b *Bounds) At(c monotonic.Instant) agreement.Interval { return b.Facts.At(c, b.Drift) }
