package discipline

import (
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
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

	// Of the exchange. No bound follows from these; they say what the uncertainty is made of (see [Origin]).
	Claim int64 // E, the error of its own that the source claims, which both bounds allow for
	Delay int64 // δ, the round trip without the time inside the source, less what is known of both ways
	Pause int64 // of the counter, unseen, which the upper bound allows for
}

// At returns what the facts say about true time when the counter reads c. The interval is empty if
// they contradict each other.
func (f Facts) At(c monotonic.Instant, s CounterSpec) agreement.Interval {
	return agreement.Interval{Lo: s.lowerAt(f.Lower, c), Hi: s.upperAt(f.Upper, c)}
}

// Bounds is the answer of the discipline: two lines between which true time runs from now on. By the
// drift alone they are straight, the lower with slope 1 − slow and the upper with slope 1 + fast.
type Bounds struct {
	Facts
	motion
}

// At evaluates the bounds at counter reading c, rounded outward.
func (b *Bounds) At(c monotonic.Instant) agreement.Interval { return b.motion.at(b.Facts, c) }
