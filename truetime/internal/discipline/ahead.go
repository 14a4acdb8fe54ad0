package discipline

import (
	"math"
	"math/bits"
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
)

// horizon is for how long a slope holds that is better than the drift's. Bounds are published anew
// several times within it as long as anything of the clock runs.
const horizon = 5 * time.Second

// Ahead makes the bounds ready for answering: two lines over the raw readings of a counter, from raw on,
// which is the raw reading that corresponds to now. To evaluate them costs one subtraction, one
// multiplication and one addition for each end, because the scale of the counter and the slope of the
// bound have become one factor. The lines of the same epoch that these follow, if any, keep Earliest from
// going back. It reports false if anything is so large that it might overflow.
//
// # Why it is sound
//
// Each line begins with the canonical bound at the moment of the reading raw, rounded outward by
// [Bounds.At], and its rate is the product of scale and slope, rounded outward. The floor makes the lower
// line lower; the upper line has 1 ns added for it. The canonical lower bound holds at a reading's instant,
// which is not above the counter, and the upper one a resolution later, which is a whole tick and the
// fraction of a nanosecond that an instant has lost: so the lines hold at whatever position a raw
// reading stands for.
//
// By the drift alone a line holds for ever. Where the rate is known better, its slope holds up to a
// horizon, and that of the drift from there on.
//
// # Why Earliest does not go back
//
// A reader may evaluate one pair of lines and then, at the same reading or a later one, the next. So the
// lower line is replaced only by one that is nowhere below it. Both are straight up to the old line's
// horizon, and after that the old one has the least slope there is: it is enough that the new line is
// higher now and at both horizons. Otherwise the old one is kept, with its own anchor, as it is too
// when they are equal but for their rounding. If the new one is higher by 1 ns it stays so: ⌊a⌋ + ⌊b⌋ is
// never more than ⌊a+b⌋, and at most 1 less, which happens once for every anchor and every horizon.
func (b *Bounds) Ahead(now monotonic.Instant, raw uint64, m line.Meter, before *line.Pair) (line.Pair, bool) {
	if m.Multiplier > 1<<64-1<<61 { // the upper slope might need one bit more: halve the unit of both
		m = line.Meter{Multiplier: m.Multiplier / 2, Up: m.Up + 1}
	}
	canonical := b.At(now)
	if !canonical.Bounded() || canonical.Lo < -line.TimeLimit || canonical.Hi > line.TimeLimit || b.Drift.fast > MaxDriftFraction {
		return line.Pair{}, false
	}
	slow, _ := bits.Mul64(m.Multiplier, b.Drift.slow)
	fast, _ := bits.Mul64(m.Multiplier, b.Drift.fast)
	slowest, fastest := m.Multiplier-slow-1, m.Multiplier+fast+2
	a := line.Pair{
		Lower: line.Edge{At: raw, Time: canonical.Lo, Rate: slowest, After: slowest},
		Upper: line.Edge{At: raw, Time: canonical.Hi + 1, Rate: fastest, After: fastest},
		Meter: m,
		From:  raw,
	}
	if b.stable {
		late := max(now.Sub(b.motion.now), 0) // the process may have been stopped since the rate was calculated
		low, high := b.slopes(float64(late) + float64(horizon))
		until := raw + m.Units(horizon)
		a.Lower.Rate, a.Lower.Until, a.Lower.Ends = max(slowest, rateOf(m, low-rateRounding)-1), until, true
		a.Upper.Rate, a.Upper.Until, a.Upper.Ends = min(fastest, rateOf(m, high+rateRounding)+2), until, true
	}
	if before != nil && before.Meter == m && raw-before.From <= m.Span() {
		keepBetterEnds(&a, before)
	}
	a.Span = m.Span()
	for _, e := range []*line.Edge{&a.Lower, &a.Upper} {
		if e.Ends {
			a.Span = min(a.Span, e.Until-raw)
		}
	}
	if invariants.Enabled {
		checkAhead(&a, before)
	}
	return a, true
}

// checkAhead asserts that the lines do not cross, and that Earliest does not go back from what was published before
// them in the same epoch, neither now nor where one of the lines bends.
func checkAhead(a, before *line.Pair) {
	lower, upper := a.At(a.From)
	invariants.Check(lower <= upper, "bounds that are upside down are published: %d to %d", lower, upper)
	if before == nil {
		return
	}
	for _, raw := range []uint64{a.From, a.Lower.Until, before.Lower.Until} {
		is, _, reached := a.Late(raw)
		was, _, earlier := before.Late(raw)
		invariants.Check(!reached || !earlier || is >= was, "Earliest goes back from %d to %d", was, is)
	}
}

// rateRounding is a hundred times what is lost when a slope is calculated.
const rateRounding = 1e-14

// rateOf is the advance of true time for each unit at a slope 1 + r, in the unit of Multiplier, rounded
// down.
func rateOf(m line.Meter, r float64) uint64 {
	if r < 0 {
		less, _ := bits.Mul64(m.Multiplier, uint64(math.Ceil(-r*0x1p64)))
		return m.Multiplier - less - 1
	}
	more, _ := bits.Mul64(m.Multiplier, uint64(r*0x1p64))
	return m.Multiplier + more
}

// keepBetterEnds keeps the ends of earlier lines that are no worse.
func keepBetterEnds(a, before *line.Pair) {
	raw, up, span := a.From, a.Meter.Up, a.Meter.Span()
	lower, upper := before.Lower, before.Upper
	switch {
	case a.Lower.Ends:
		if lower.Ends && lower.Until-raw > span {
			lower = lower.Bent(up) // its slope has ended, and is the drift's by now
		}
		if !above(&a.Lower, &lower, raw, up) {
			a.Lower = lower
		}
	case raw-lower.At <= span:
		lower.Rate, lower.After = a.Lower.Rate, a.Lower.After // known no worse than then
		if lower.Read(raw, up) >= a.Lower.Time {
			a.Lower = lower
		}
	}
	if !upper.Ends && raw-upper.At <= span {
		upper.Rate, upper.After = a.Upper.Rate, a.Upper.After
		if upper.Read(raw, up) <= a.Upper.Time {
			a.Upper = upper
		}
	}
}

// above reports whether a lower line is above an older one, and so will be: now, and wherever either bends.
func above(e, old *line.Edge, raw uint64, up uint) bool {
	return e.Time > old.Read(raw, up) && e.Straight(e.Until, up) > old.Read(e.Until, up) &&
		(!old.Ends || e.Straight(old.Until, up) > old.Straight(old.Until, up))
}
