package discipline

import (
	"math"
	"math/bits"
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
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
// the upper line has 1 ns added for it. The canonical lower bound holds at a reading's instant, which
// is not above the counter, and the upper one a resolution later, which is a whole tick and the
// fraction of a nanosecond that an instant has lost: so the lines hold at whatever position a raw
// reading stands for.
//
// By the drift alone a line holds for ever. Where the rate is known better, its slope holds up to a
// horizon, and that of the drift from there on.
//
// # Why Earliest does not go back
//
// A reader may evaluate one Ahead and then, at the same reading or a later one, the next. So the lower
// line is replaced only by one that is nowhere below it. Both are straight up to the old line's
// horizon, and after that the old one has the least slope there is: it is enough that the new line is
// higher now and at both horizons. Otherwise the old one is kept, with its own anchor, as it is too
// when they are equal but for their rounding. If the new one is higher by 1 ns it stays so: ⌊a⌋ + ⌊b⌋ is
// never more than ⌊a+b⌋, and at most 1 less, which happens once for every anchor and every horizon.
type Ahead struct {
	lower, upper edge
	meter        Meter
	from, span   uint64 // where it begins, and for how many units both slopes hold
}

// edge is one line.
type edge struct {
	at    uint64 // the reading at which it is anchored
	time  int64  // the bound there
	rate  uint64
	until uint64 // the reading up to which the rate holds, if it ends
	ends  bool
	after uint64 // the rate from there on
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

// horizon is for how long a slope holds that is better than the drift's. Bounds are published anew
// several times within it as long as anything of the clock runs.
const horizon = 5 * time.Second

// Ahead prepares the bounds for readings from raw on, which is the raw reading that corresponds to
// now. The Ahead of the same epoch that it follows, if any, keeps Earliest from going back. It
// reports false if anything is so large that it might overflow.
func (b *Bounds) Ahead(now monotonic.Instant, raw uint64, m Meter, before *Ahead) (Ahead, bool) {
	if m.Multiplier > 1<<64-1<<61 { // the upper slope might need one bit more: halve the unit of both
		m = Meter{m.Multiplier / 2, m.Up + 1}
	}
	canonical := b.At(now)
	if !canonical.Bounded() || canonical.Lo < -timeLimit || canonical.Hi > timeLimit || b.Drift.fast > MaxDriftFraction {
		return Ahead{}, false
	}
	slow, _ := bits.Mul64(m.Multiplier, b.Drift.slow)
	fast, _ := bits.Mul64(m.Multiplier, b.Drift.fast)
	slowest, fastest := m.Multiplier-slow-1, m.Multiplier+fast+2
	a := Ahead{
		lower: edge{at: raw, time: canonical.Lo, rate: slowest, after: slowest},
		upper: edge{at: raw, time: canonical.Hi + 1, rate: fastest, after: fastest},
		meter: m,
		from:  raw,
	}
	if b.stable {
		late := max(now.Sub(b.motion.now), 0) // the process may have been stopped since the rate was calculated
		low, high := b.slopes(float64(late) + float64(horizon))
		until := raw + m.units(horizon)
		a.lower.rate, a.lower.until, a.lower.ends = max(slowest, m.rate(low-rateRounding)-1), until, true
		a.upper.rate, a.upper.until, a.upper.ends = min(fastest, m.rate(high+rateRounding)+2), until, true
	}
	if before != nil && before.meter == m && raw-before.from <= spanLimit>>m.Up {
		a.keepBetterEnds(before)
	}
	a.span = spanLimit >> m.Up
	for _, e := range []*edge{&a.lower, &a.upper} {
		if e.ends {
			a.span = min(a.span, e.until-raw)
		}
	}
	if invariants.Enabled {
		a.check(before)
	}
	return a, true
}

// check asserts that the lines do not cross, and that Earliest does not go back from what was published before
// them in the same epoch, neither now nor where one of the lines bends.
func (a *Ahead) check(before *Ahead) {
	lower, upper := a.At(a.from)
	invariants.Check(lower <= upper, "bounds that are upside down are published: %d to %d", lower, upper)
	if before == nil {
		return
	}
	for _, raw := range []uint64{a.from, a.lower.until, before.lower.until} {
		is, _, reached := a.Late(raw)
		was, _, earlier := before.Late(raw)
		invariants.Check(!reached || !earlier || is >= was, "Earliest goes back from %d to %d", was, is)
	}
}

// units is how many raw units last no longer than d.
func (m Meter) units(d time.Duration) uint64 {
	units, _ := bits.Div64(uint64(d)>>m.Up, uint64(d)<<(64-m.Up), m.Multiplier)
	return units
}

// rateRounding is a hundred times what is lost when a slope is calculated.
const rateRounding = 1e-14

// rate is the advance of true time for each unit at a slope 1 + r, in the unit of Multiplier, rounded
// down.
func (m Meter) rate(r float64) uint64 {
	if r < 0 {
		less, _ := bits.Mul64(m.Multiplier, uint64(math.Ceil(-r*0x1p64)))
		return m.Multiplier - less - 1
	}
	more, _ := bits.Mul64(m.Multiplier, uint64(r*0x1p64))
	return m.Multiplier + more
}

// keepBetterEnds keeps the ends of an earlier Ahead that are no worse.
func (a *Ahead) keepBetterEnds(before *Ahead) {
	raw, up := a.from, a.meter.Up
	lower, upper := before.lower, before.upper
	switch {
	case a.lower.ends:
		if lower.ends && lower.until-raw > spanLimit>>up {
			lower = lower.bent(up) // its slope has ended, and is the drift's by now
		}
		if !a.lower.above(&lower, raw, up) {
			a.lower = lower
		}
	case raw-lower.at <= spanLimit>>up:
		lower.rate, lower.after = a.lower.rate, a.lower.after // known no worse than then
		if lower.read(raw, up) >= a.lower.time {
			a.lower = lower
		}
	}
	if !upper.ends && raw-upper.at <= spanLimit>>up {
		upper.rate, upper.after = a.upper.rate, a.upper.after
		if upper.read(raw, up) <= a.upper.time {
			a.upper = upper
		}
	}
}

// above reports whether a lower line is above an older one, and so will be: now, and wherever either bends.
func (e *edge) above(old *edge, raw uint64, up uint) bool {
	return e.time > old.read(raw, up) && e.line(e.until, up) > old.read(e.until, up) &&
		(!old.ends || e.line(old.until, up) > old.line(old.until, up))
}

// Covers reports whether At may evaluate the Ahead at raw: not before its beginning, and not where a
// slope has ended.
func (a *Ahead) Covers(raw uint64) bool { return raw-a.from <= a.span }

// At evaluates both lines.
func (a *Ahead) At(raw uint64) (lower, upper int64) {
	up := a.meter.Up
	if up == 0 { // a counter of more than 1 GHz: nothing to shift
		return a.lower.line(raw, 0), a.upper.line(raw, 0)
	}
	return a.lower.line(raw, up), a.upper.line(raw, up)
}

// Late evaluates both lines wherever there is anything to evaluate: also where their slopes have
// ended. It reports false before the beginning and decades after it.
func (a *Ahead) Late(raw uint64) (lower, upper int64, ok bool) {
	if raw-a.from > spanLimit>>a.meter.Up {
		return 0, 0, false
	}
	return a.lower.read(raw, a.meter.Up), a.upper.read(raw, a.meter.Up), true
}

// Shifted returns the same lines in a scale that is behind by offset, for readings at which the upper one
// is not above until, which is in the old scale.
func (a Ahead) Shifted(offset, until int64) Ahead {
	_, upper := a.At(a.from)
	left := min(time.Duration(saturated.Sub(until, upper)), longest)
	a.span = min(a.span, a.meter.units(max(left-left/4, 0))) // a slope is below 1 + 1/8
	a.lower.time -= offset
	a.upper.time -= offset
	return a
}

// longest is longer than a line is ever read, and multiplied by the largest of counters it does not
// overflow.
const longest = 24 * time.Hour

// Nowhere returns lines that cover no reading.
func Nowhere(raw uint64) Ahead { return Ahead{from: raw + 1<<63} }

// line evaluates the edge where its rate holds.
func (e *edge) line(raw uint64, up uint) int64 {
	ns, _ := bits.Mul64((raw-e.at)<<(up&63), e.rate)
	return e.time + int64(ns)
}

// read evaluates the edge anywhere. The upper one may lose a nanosecond more to rounding where the
// rates meet.
func (e *edge) read(raw uint64, up uint) int64 {
	if !e.ends || raw-e.at <= e.until-e.at {
		return e.line(raw, up)
	}
	bent := e.bent(up)
	return bent.line(raw, up)
}

// bent is the edge from where its slope has ended: straight, for ever.
func (e *edge) bent(up uint) edge {
	bent := edge{at: e.until, time: e.line(e.until, up), rate: e.after, after: e.after}
	if e.after > e.rate {
		bent.time++
	}
	return bent
}
