// Package agreement turns n intervals, of which at most f are wrong, into the one interval that is
// certainly right. It is pure: no clock, no I/O, the same input gives the same output.
//
// # The problem
//
// Each of n voters says "true time lies in my interval". At most f of them are wrong. A point that
// fewer than n−f intervals cover cannot be true time, because then more than f voters would be
// wrong. A point that n−f or more cover can be: no one could prove otherwise. So the set of points
// covered by at least n−f intervals is all that is known, and its hull is the tightest sound
// interval:
//
//	M_f = hull { x : |{ i : x ∈ I_i }| ≥ n−f }
//
// K. Marzullo, "Tolerating failures of continuous-valued sensors", ACM TOCS 8(4), 1990. With
// f < n/2 each end of M_f lies in at least one correct interval, so f liars cannot widen it
// beyond the union of the correct ones.
//
// # What it is not
//
// The smallest interval of greatest overlap also goes by the name of Marzullo, and NTP's
// intersection algorithm (RFC 5905 section 11.2.1) and chrony's region of greatest depth are its
// relatives. They are good filters, for they say where true time probably is. As bounds they are
// wrong: one liar who overlaps the edge of an honest interval moves the greatest overlap off the
// truth. The tests show it.
package agreement

import (
	"math"
	"slices"
)

// Unbounded ends: the interval of a voter who has not answered reaches from NegInf to PosInf.
const (
	NegInf = math.MinInt64
	PosInf = math.MaxInt64
)

// Interval is the closed interval [Lo, Hi] in nanoseconds of true time. With Lo > Hi it is empty
// and covers nothing: the vote of a convicted voter.
type Interval struct{ Lo, Hi int64 }

// Everything is the vote of a voter who has not answered: it rules nothing out.
var Everything = Interval{NegInf, PosInf}

// Nothing is the vote of a voter who is certainly wrong.
var Nothing = Interval{PosInf, NegInf}

// Empty reports whether the interval covers no point.
func (i Interval) Empty() bool { return i.Lo > i.Hi }

// Bounded reports whether the interval covers something and both its ends are finite.
func (i Interval) Bounded() bool { return i.Lo != NegInf && i.Hi != PosInf && !i.Empty() }

// Intersect returns the points common to both, which may be none.
func (i Interval) Intersect(j Interval) Interval {
	return Interval{max(i.Lo, j.Lo), min(i.Hi, j.Hi)}
}

// Region is the set of points that at least n−f of n intervals cover: disjoint closed intervals in
// rising order, empty when the assumption "at most f are wrong" is itself broken. It keeps its
// memory between calls of [Region.Compute], so that a Region in steady use does not allocate.
// The zero value is ready for use.
type Region struct {
	parts  []Interval
	lo, hi []int64 // the ends of the votes, sorted
}

// Compute sets r to the points covered by at least len(votes)−faulty of the votes. An empty vote
// covers nothing but still counts among the n.
//
// The cost is that of sorting 2n integers.
func (r *Region) Compute(votes []Interval, faulty int) {
	r.parts, r.lo, r.hi = r.parts[:0], r.lo[:0], r.hi[:0]
	for _, v := range votes {
		if !v.Empty() {
			r.lo = append(r.lo, v.Lo)
			r.hi = append(r.hi, v.Hi)
		}
	}
	slices.Sort(r.lo)
	slices.Sort(r.hi)

	// Sweep upwards. The intervals are closed, so at one and the same point all that begin there
	// are counted before any that ends there is taken off.
	need := max(len(votes)-faulty, 1)
	cover, begun := 0, 0
	for _, end := range r.hi {
		for ; begun < len(r.lo) && r.lo[begun] <= end; begun++ {
			if cover++; cover == need {
				r.parts = append(r.parts, Interval{r.lo[begun], PosInf})
			}
		}
		if cover == need {
			r.parts[len(r.parts)-1].Hi = end
		}
		cover--
	}
}

// Hull returns M_f, the smallest interval that contains the region; empty if the region is.
func (r *Region) Hull() Interval {
	if len(r.parts) == 0 {
		return Nothing
	}
	return Interval{r.parts[0].Lo, r.parts[len(r.parts)-1].Hi}
}

// Meets reports whether the vote covers any point of the region. A vote that does not is certainly
// wrong, as long as at most f votes are.
func (r *Region) Meets(vote Interval) bool {
	for _, part := range r.parts {
		if !part.Intersect(vote).Empty() {
			return true
		}
	}
	return false
}
