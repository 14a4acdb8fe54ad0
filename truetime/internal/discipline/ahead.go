package discipline

import (
	"math/bits"

	"github.com/epsilontime/epsilon/monotonic"
)

// Ahead is a Bounds made ready for answering: two lines over the raw readings of a counter, from one
// reading on. To evaluate it costs one subtraction, one multiplication and one addition for each
// end, because the scale of the counter and the slope of the bound have become one factor:
//
//	lower(x) = time + ⌊(x − at) · 2^up · rate / 2⁶⁴⌋
//
// # Why it is sound
//
// time is the canonical bound at the moment of the reading at, rounded outward by [Bounds.At], and
// rate is the product of scale and slope, rounded outward. The floor makes the lower line lower;
// the upper line has 1 ns added for it. The canonical lower bound holds at a reading's instant, which is
// not above the counter, and the upper one a resolution later, which is a whole tick and the fraction of a nanosecond
// that an instant has lost: so the lines hold at whatever position a raw reading stands for.
//
// # Why Earliest does not go back
//
// Bounds.At and an Ahead round differently, so a new Ahead of the very same bounds could begin below
// the one before it, by a nanosecond or two. An end of the one before is therefore kept, with its own
// anchor, unless the new one is strictly better at the moment of the change. If it is better by 1 ns
// it stays so: ⌊a⌋ + ⌊b⌋ is never more than ⌊a+b⌋, and at most 1 less.
type Ahead struct {
	lower, upper edge
	meter        Meter
	from, span   uint64 // where it begins, and for how many units it may be used
}

// edge is one line.
type edge struct {
	at   uint64 // the reading at which it is anchored
	time int64  // the bound there
	rate uint64
}

// Meter says by how much the counter advances for each unit of the raw reading: multiplier·2^(up−64)
// nanoseconds.
type Meter struct {
	Multiplier uint64
	Up         uint
}

// Nanoseconds is the meter of a counter whose raw readings are its instants.
var Nanoseconds = Meter{1 << 63, 1}

// Limits within which nothing overflows.
const (
	timeLimit = 1 << 62 // the year 2116
	spanLimit = 1 << 61 // shifted units, for what comes after and for how old an end may be: decades
)

// Ahead prepares the bounds for readings from raw on, which is the raw reading that corresponds to
// now. The Ahead of the same epoch that it follows, if any, keeps Earliest from going back. It
// reports false if anything is so large that it might overflow.
func (b *Bounds) Ahead(now monotonic.Instant, raw uint64, m Meter, before *Ahead) (Ahead, bool) {
	if m.Multiplier > 1<<64-1<<61 { // the upper slope might need one bit more: halve the unit of both
		m = Meter{m.Multiplier / 2, m.Up + 1}
	}
	canonical := b.At(now)
	if !canonical.Bounded() || canonical.Lo < -timeLimit || canonical.Hi > timeLimit || b.Scale.Drift.fast > MaxDriftFraction {
		return Ahead{}, false
	}
	slow, _ := bits.Mul64(m.Multiplier, b.Scale.Drift.slow)
	fast, _ := bits.Mul64(m.Multiplier, b.Scale.Drift.fast)
	a := Ahead{
		lower: edge{raw, canonical.Lo, m.Multiplier - slow - 1},
		upper: edge{raw, canonical.Hi + 1, m.Multiplier + fast + 2},
		meter: m,
		from:  raw,
		span:  spanLimit >> m.Up,
	}
	if before != nil && before.meter == m && before.Covers(raw) {
		a.keep(before)
	}
	return a, true
}

// keep keeps the ends of an earlier Ahead that are no worse.
func (a *Ahead) keep(before *Ahead) {
	lower, upper := before.lower, before.upper
	lower.rate, upper.rate = a.lower.rate, a.upper.rate // known no worse than then
	if raw := a.from; raw-lower.at <= a.span && lower.read(raw, a.meter.Up) >= a.lower.time {
		a.lower = lower
	}
	if raw := a.from; raw-upper.at <= a.span && upper.read(raw, a.meter.Up) <= a.upper.time {
		a.upper = upper
	}
}

// Covers reports whether the Ahead may be evaluated at raw: not before its beginning, and not decades
// after it.
func (a *Ahead) Covers(raw uint64) bool { return raw-a.from <= a.span }

// At evaluates both lines.
func (a *Ahead) At(raw uint64) (lower, upper int64) {
	up := a.meter.Up
	if up == 0 { // a counter of more than 1 GHz: nothing to shift
		return a.lower.read(raw, 0), a.upper.read(raw, 0)
	}
	return a.lower.read(raw, up), a.upper.read(raw, up)
}

func (e *edge) read(raw uint64, up uint) int64 {
	ns, _ := bits.Mul64((raw-e.at)<<(up&63), e.rate)
	return e.time + int64(ns)
}
