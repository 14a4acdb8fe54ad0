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
	"cmp"
	"math"
	"slices"

	"github.com/epsilontime/epsilon/internal/invariants"
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

// Region is the set of points that at least n−f of n voters cover, or with twins among them (see [Twins]) those
// that are not ruled out by more than f voters that are apart: disjoint closed intervals in rising order, none
// if the assumption "at most f are wrong" is itself broken. It keeps its memory between calls of
// [Region.Compute], so that a Region in steady use does not allocate. The zero value is ready for use.
type Region struct {
	parts  []Interval
	lo, hi []int64 // the ends of the votes, sorted
	ends   []end   // where there are twins
	out    []bool
}

// Compute sets r to what the votes leave possible when at most faulty voters are wrong, counting twins once. A voter that covers
// nothing still counts.
//
// The cost is that of sorting the ends, and with twins also that of looking at their matrix at each end.
func (r *Region) Compute(votes *Votes, faulty int, twins *Twins) {
	r.parts = r.parts[:0]
	if invariants.Enabled {
		defer r.checkRegion(votes, faulty, twins)
	}
	if twins.Any() {
		r.sweepApart(votes, faulty, twins)
		return
	}
	r.lo, r.hi = r.lo[:0], r.hi[:0]
	for _, part := range votes.parts {
		r.lo = append(r.lo, part.Lo)
		r.hi = append(r.hi, part.Hi)
	}
	slices.Sort(r.lo)
	slices.Sort(r.hi)

	// Sweep upwards. The intervals are closed, so at one and the same point all that begin there
	// are counted before any that ends there is taken off.
	need := max(votes.count-faulty, 1)
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

// end is where a part of a vote begins or ends.
type end struct {
	at    int64
	last  bool
	voter int
}

// sweepApart is the same sweep where some voters are twins: it follows who excludes the moment, and asks how many of
// these are apart.
func (r *Region) sweepApart(votes *Votes, faulty int, twins *Twins) {
	r.ends, r.out = r.ends[:0], r.out[:0]
	for range votes.count {
		r.out = append(r.out, true)
	}
	for i, part := range votes.parts {
		r.ends = append(r.ends, end{part.Lo, false, votes.voter[i]}, end{part.Hi, true, votes.voter[i]})
	}
	slices.SortFunc(r.ends, func(a, b end) int {
		switch {
		case a.at != b.at:
			return cmp.Compare(a.at, b.at)
		case a.last == b.last:
			return 0
		case a.last:
			return 1
		}
		return -1
	})
	open := twins.Apart(r.out) <= faulty
	if open {
		r.parts = append(r.parts, Everything)
	}
	for i, e := range r.ends {
		r.out[e.voter] = e.last
		if i+1 < len(r.ends) && r.ends[i+1].at == e.at && r.ends[i+1].last == e.last {
			continue // it happens at the same moment
		}
		switch possible := twins.Apart(r.out) <= faulty; {
		case possible && !open:
			r.parts = append(r.parts, Interval{e.at, PosInf})
			open = true
		case !possible && open:
			r.parts[len(r.parts)-1].Hi = e.at
			open = false
		}
	}
}

// Parts returns the region as intervals. They are valid until the next Compute.
func (r *Region) Parts() []Interval { return r.parts }

// Within returns the hull of the part of the region that lies within limit; empty if there is none.
func (r *Region) Within(limit Interval) Interval {
	hull := Nothing
	for _, part := range r.parts {
		if part = part.Intersect(limit); !part.Empty() {
			hull = Interval{min(hull.Lo, part.Lo), part.Hi}
		}
	}
	return hull
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
