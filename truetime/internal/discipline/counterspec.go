package discipline

import (
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

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
