package agreement

import "github.com/epsilontime/epsilon/internal/invariants"

// checkRegion asserts what must hold of a region whatever the voters say: its parts are in rising order and
// do not touch, and without twins each end is covered by n−f voters and what lies just outside by fewer.
// It follows that an end is finite unless n−f voters leave it open.
func (r *Region) checkRegion(votes *Votes, faulty int, twins *Twins) {
	for i, part := range r.parts {
		invariants.Check(!part.Empty(), "part %v of the region is empty", part)
		invariants.Check(i == 0 || r.parts[i-1].Hi < part.Lo, "parts %v and %v of the region are not in order", r.parts[max(i-1, 0)], part)
	}
	if twins.Any() || len(r.parts) == 0 {
		return
	}
	need, hull := max(votes.count-faulty, 1), r.Hull()
	for _, at := range []int64{hull.Lo, hull.Hi} {
		invariants.Check(votes.cover(at) >= need, "%d of %d voters cover the end %d of the region, and %d must", votes.cover(at), votes.count, at, need)
	}
	invariants.Check(hull.Lo == NegInf || votes.cover(hull.Lo-1) < need, "%d voters cover what is below the region, %d", votes.cover(hull.Lo-1), hull.Lo)
	invariants.Check(hull.Hi == PosInf || votes.cover(hull.Hi+1) < need, "%d voters cover what is above the region, %d", votes.cover(hull.Hi+1), hull.Hi)
}

// cover counts the voters that cover a moment.
func (v *Votes) cover(at int64) (voters int) {
	last := -1
	for i, part := range v.parts {
		if part.Lo <= at && at <= part.Hi && v.voter[i] != last {
			voters, last = voters+1, v.voter[i]
		}
	}
	return voters
}
