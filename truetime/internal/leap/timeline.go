package leap

import (
	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// ambiguity is how close to a leap second a stamp of a stepping clock says nothing: the clock may
// not have stepped yet or step a little early, by 5 s (assumption A5), and one POSIX second happens twice. Where a second is
// inserted a clock that has stepped 5 s before it shows 6 s less than the end of the month.
const ambiguity = 6 * second

// timeline is TAI−UTC for all times, in nanoseconds: base, and what each leap second makes of it.
// Its conversions are exact rational functions of time, rounded once: the error of a result is less
// than 1 ns, and towards the side that the caller asked for. As rounding is monotone and the
// functions rise, the results never go back.
//
// The moments beyond those that an int64 can hold are the nearest that it can.
type timeline struct {
	base  int64
	leaps []span // in rising order, at least 28 days apart
}

// add continues the timeline with a leap second of ±1 or 0 seconds.
func (t *timeline) add(at UTC, delta int) {
	if delta == 0 {
		return
	}
	if n := len(t.leaps); invariants.Enabled && n > 0 {
		invariants.Check(t.leaps[n-1].at < at, "a leap second at %v comes after one at %v", at.Std(), t.leaps[n-1].at.Std())
	}
	before := t.last()
	t.leaps = append(t.leaps, span{at, before, before + int64(delta)*second})
}

// last returns the offset after the last leap second.
func (t *timeline) last() int64 {
	if n := len(t.leaps); n > 0 {
		return t.leaps[n-1].after
	}
	return t.base
}

// smeared shows a moment on a smeared clock.
func (t *timeline) smeared(c TAI, round Round) Smeared {
	for i := len(t.leaps) - 1; i >= 0; i-- {
		r := t.leaps[i].ramp()
		switch x := int64(c) - r.tai; { // if c is so early that this overflows, then it is not reached below
		case int64(c) < r.tai:
			continue
		case x >= r.si:
			return Smeared(saturated.Sub(int64(c), t.leaps[i].after))
		default:
			return Smeared(r.smeared + scaled(x, day, r.si, round))
		}
	}
	return Smeared(saturated.Sub(int64(c), t.base))
}

// fromSmeared returns the moment at which a smeared clock shows x.
func (t *timeline) fromSmeared(x Smeared, round Round) TAI {
	for i := len(t.leaps) - 1; i >= 0; i-- {
		r := t.leaps[i].ramp()
		switch y := int64(x) - r.smeared; {
		case int64(x) < r.smeared:
			continue
		case y >= day:
			return TAI(saturated.Add(int64(x), t.leaps[i].after))
		default:
			return TAI(r.tai + scaled(y, r.si, day, round))
		}
	}
	return TAI(saturated.Add(int64(x), t.base))
}

// offset returns TAI−UTC at a POSIX second of UTC; the second that happens twice counts as the
// first of the two.
func (t *timeline) offset(p UTC) int64 {
	for i := len(t.leaps) - 1; i >= 0; i-- {
		if p >= t.leaps[i].at {
			return t.leaps[i].after
		}
	}
	return t.base
}

// fromUTC returns the moment at which stepped UTC shows p, the first of the two if p happens twice.
// For a p that does not happen it is the moment at which a clock that does not step would show it.
func (t *timeline) fromUTC(p UTC) TAI { return TAI(saturated.Add(int64(p), t.offset(p))) }

// utc shows a moment as stepped UTC, and whether it is in an inserted second: then it is the second
// 23:59:60 that follows the POSIX second shown.
func (t *timeline) utc(c TAI) (p UTC, inserted bool) {
	for i := len(t.leaps) - 1; i >= 0; i-- {
		l := &t.leaps[i]
		if int64(c) >= int64(l.at)+l.after {
			return UTC(saturated.Sub(int64(c), l.after)), false
		}
		if int64(c) >= int64(l.at)+l.before { // and before the end of the inserted second
			return UTC(saturated.Sub(int64(c), l.after)), true
		}
	}
	return UTC(saturated.Sub(int64(c), t.base)), false
}

// ambiguous reports whether the POSIX stamps from lo to hi touch what surrounds a leap second.
func (t *timeline) ambiguous(lo, hi UTC) bool {
	for i := len(t.leaps) - 1; i >= 0; i-- {
		if at := int64(t.leaps[i].at); int64(hi) >= at-ambiguity {
			return int64(lo) <= at+ambiguity // so much for this one; earlier ones are further away
		}
	}
	return false
}

// constant returns the offset that a smeared clock has at c, and the moments from and until which it
// has it, both included; not ok in a smear.
func (t *timeline) constant(c TAI) (offset int64, from, until TAI, ok bool) {
	until = never
	for i := len(t.leaps) - 1; i >= 0; i-- {
		r := t.leaps[i].ramp()
		if int64(c) >= r.tai+r.si {
			return t.leaps[i].after, TAI(r.tai + r.si), until, true
		}
		if int64(c) > r.tai {
			return 0, 0, 0, false
		}
		until = TAI(r.tai)
	}
	return t.base, always, until, true
}
