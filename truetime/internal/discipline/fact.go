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

	// Of the exchange. No bound follows from these; they say what the uncertainty is made of (see [Origin]).
	Claim int64 // E, the error of its own that the source claims, which both bounds allow for
	Delay int64 // δ, the round trip without the time inside the source, less what is known of both ways
}

// CounterSpec is what is known about the counter.
type CounterSpec struct {
	Drift Drift

	// Resolution is by how much a reading may be behind the counter, in nanoseconds: readings are
	// rounded down, and the counter itself advances in ticks.
	Resolution int64
}

// covering returns facts that hold wherever the counter may have stood when it gave these readings:
// the upper one up to the last such position, At + Resolution, and the lower one from the first, At
// itself. Two positions under one reading are no further apart, and true time gains at most 1 + fast
// from one to the other. This is done once, when facts come in. A bound so made is
// carried from reading to reading as if readings were exact.
func (s CounterSpec) covering(f Facts) Facts {
	most := s.Resolution + grow(s.Resolution, s.Drift.fast)
	f.Upper.Time = saturated.Add(f.Upper.Time, most)
	f.Lower.Time = saturated.Sub(f.Lower.Time, most)
	f.Delay = saturated.Add(f.Delay, 2*most)
	return f
}

// upperAt carries an upper bound from its own moment to c, rounded up. Forwards true time gains at
// most 1 + fast per unit of the counter, backwards it loses at least 1 − slow.
func (s CounterSpec) upperAt(p Point, c monotonic.Instant) int64 {
	span := saturated.Sub(int64(c), int64(p.At))
	if span >= 0 {
		return saturated.Add(saturated.Add(p.Time, span), grow(span, s.Drift.fast))
	}
	return saturated.Add(saturated.Add(p.Time, span), grow(saturated.Abs(span), s.Drift.slow))
}

// lowerAt carries a lower bound to c, rounded down.
func (s CounterSpec) lowerAt(p Point, c monotonic.Instant) int64 {
	span := saturated.Sub(int64(c), int64(p.At))
	if span >= 0 {
		return saturated.Sub(saturated.Add(p.Time, span), grow(span, s.Drift.slow))
	}
	return saturated.Sub(saturated.Add(p.Time, span), grow(saturated.Abs(span), s.Drift.fast))
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
