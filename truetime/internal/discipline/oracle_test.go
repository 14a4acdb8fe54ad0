package discipline

import (
	"cmp"
	"math"
	"slices"

	"github.com/epsilontime/epsilon/monotonic"
)

// oracle calculates, slowly and with nothing of this package, what a history of facts says about true
// time under A1 and a wander w: the range of T(c) over all motions that agree with every fact.
//
// # The statement that it solves
//
// A motion is a pair (e, r) over the counter, e = T − c and r = de/dc, with r within the drift and |dr/dc| ≤ w.
// The set of pairs that are possible at c, given the facts up to c, is convex, and it has only two
// dimensions: so it is kept as a polygon. A fact cuts it by e ≤ U or e ≥ L, the drift cuts it by r. Over a
// span h in which dr/dc is some constant u it becomes
//
//	{ (e + h·r + u·h²/2, r + u·h) : |u| ≤ w }
//
// a shear and a sum with a segment from −v to v, v = (w·h²/2, w·h). The polygon at c, seen along e, is the
// answer. Nothing here chooses pairs of facts, as the closed form does: it is all of them, with both
// limits, at once.
//
// # Which way it errs
//
// The inner oracle holds u constant in each of its steps. Every motion that it counts is a possible one,
// but not every possible one is counted: its range is within the true one. An answer that is narrower
// than it is wrong, and an answer that is at most 5 % wider than it is at most 5 % wider than the best there is.
//
// The outer oracle adds the corners (±w·h²/2, 0) to the segment. To turn u around for a moment ds costs
// 2w·ds·(h', 1) as against v, where h' between 0 and h is the time that is left: so what any |u| ≤ w can
// reach lies beyond v by nothing but (0, 1) and (h, 1), and the same from −v, which is the parallelogram
// with these corners. And r is cut to the drift only between steps. So the outer range contains the
// true one, and the two together say how good either is.
type oracle struct {
	wander     float64 // in ns/s², as everything here is in nanoseconds of e and seconds of c
	slow, fast float64 // the limits of r in ns/s
	step       float64 // the longest step, in seconds
	outer      bool

	at   monotonic.Instant
	set  []motionState // convex, counterclockwise
	work []motionState
}

type motionState struct{ e, r float64 }

// truthAhead is T − c when these histories begin, in nanoseconds; e is counted from there, so that
// floating-point numbers have digits left.
const truthAhead = truthAtZero

// newOracle knows nothing but that e is within 10 s. ppb is ρ, and w is Stability.Wander.
func newOracle(ppb int64, w, step float64, outer bool) *oracle {
	rho := float64(ppb) * 1e-9
	o := &oracle{wander: w * 1e9, slow: -rho / (1 + rho) * 1e9, fast: rho / (1 - rho) * 1e9, step: step, outer: outer}
	const far = 1e10
	o.set = []motionState{{-far, o.slow}, {far, o.slow}, {far, o.fast}, {-far, o.fast}}
	return o
}

func (o *oracle) clone() *oracle {
	c := *o
	c.set, c.work = slices.Clone(o.set), nil
	return &c
}

// use takes in the facts of one sample, which must not begin before the last one ended.
func (o *oracle) use(f Facts) {
	o.advance(f.Upper.At)
	o.cut(-1, 0, -ahead(f.Upper))
	o.advance(f.Lower.At)
	o.cut(1, 0, ahead(f.Lower))
}

func ahead(p Point) float64 { return float64(p.Time - int64(p.At) - truthAhead) }

// advance brings the polygon to c.
func (o *oracle) advance(c monotonic.Instant) {
	span := float64(c-o.at) * 1e-9
	steps := math.Ceil(span / o.step)
	for range int(steps) {
		o.move(span / steps)
	}
	o.at = c
}

func (o *oracle) move(h float64) {
	e, r := o.wander*h*h/2, o.wander*h
	o.work = o.work[:0]
	for _, p := range o.set {
		p.e += h * p.r
		o.work = append(o.work, motionState{p.e - e, p.r - r}, motionState{p.e + e, p.r + r})
		if o.outer {
			o.work = append(o.work, motionState{p.e - e, p.r}, motionState{p.e + e, p.r})
		}
	}
	o.set = hull(o.set[:0], o.work)
	o.cut(0, 1, o.slow)
	o.cut(0, -1, -o.fast)
}

// cut leaves the part of the polygon in which a·e + b·r ≥ least.
func (o *oracle) cut(a, b, least float64) {
	inside := func(p motionState) float64 { return a*p.e + b*p.r - least }
	o.work = o.work[:0]
	for i, p := range o.set {
		next := o.set[(i+1)%len(o.set)]
		here, there := inside(p), inside(next)
		if here >= 0 {
			o.work = append(o.work, p)
		}
		if here < 0 != (there < 0) {
			part := here / (here - there)
			o.work = append(o.work, motionState{p.e + part*(next.e-p.e), p.r + part*(next.r-p.r)})
		}
	}
	o.set, o.work = o.work, o.set
}

// hull appends the corners of the smallest convex polygon around the points (A. M. Andrew, 1979).
func hull(corners, points []motionState) []motionState {
	slices.SortFunc(points, func(p, q motionState) int {
		if p.e != q.e {
			return cmp.Compare(p.e, q.e)
		}
		return cmp.Compare(p.r, q.r)
	})
	half := func(points []motionState) {
		first := len(corners)
		for _, p := range points {
			for n := len(corners); n-first >= 2 && !left(corners[n-2], corners[n-1], p); n-- {
				corners = corners[:n-1]
			}
			corners = append(corners, p)
		}
		corners = corners[:len(corners)-1] // the other half begins with it
	}
	if len(points) == 0 {
		return corners
	}
	half(points)
	slices.Reverse(points)
	half(points)
	return corners
}

// left reports whether one turns left at q on the way from p to s. What is straight but for rounding
// is not, so a polygon may lose what is less than a thousandth of a nanosecond.
func left(p, q, s motionState) bool {
	return (q.e-p.e)*(s.r-p.r)-(q.r-p.r)*(s.e-p.e) > 1e-9
}

// rangeAt returns the range of T(c) as an offset from c, as e is. It changes nothing.
func (o *oracle) rangeAt(c monotonic.Instant) (low, high float64) {
	later := o.clone()
	later.advance(c)
	low, high = math.Inf(1), math.Inf(-1)
	for _, p := range later.set {
		low, high = min(low, p.e), max(high, p.e)
	}
	return low, high
}
