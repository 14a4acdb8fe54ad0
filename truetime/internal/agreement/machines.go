package agreement

import (
	"math/bits"

	"github.com/epsilontime/epsilon/internal/invariants"
)

// Twins says which voters may be one and the same machine, two by two: they have shown the same identity. The
// zero value, and nil, say that no two may.
//
// # Counting machines
//
// At most f machines are wrong, and a machine may have several voters. Of voters that are wrong, any that are
// pairwise no twins are different machines. So a moment that is excluded by more than f voters of which no
// two are twins is not true time, and this is the rule:
//
//	a moment is ruled out if more than f voters exclude it that are apart, pairwise no twins
//
// Without twins any voters are apart, and it is the rule of [Region]: to be excluded by more than f is to be
// covered by fewer than n−f.
//
// # What a liar gains by being a twin
//
// Whoever copies what an honest machine shows becomes its twin. That does not take the honest one's word
// away: two honest machines show different identities and are apart, whoever copies either of them, or both.
// So with f+1 honest voters a moment that they all exclude stays ruled out, and the answer never reaches
// beyond what honest voters say. This is why twins are not gathered into classes: being a twin is not
// transitive, and a liar that copies one honest machine after the other would have made them all one class.
//
// Two twins that both exclude a moment count as one, and so does one that excludes it alone. For an honest
// machine with two addresses both are right, and their intersection is right too.
type Twins struct {
	place []int // of each voter in the matrix, from 1; 0 for one that has no twin
	of    [maxTwins]uint64
	count int // voters in the matrix
}

// maxTwins is how many voters with a twin are considered. Those beyond it rule nothing out, which costs
// width at most.
const (
	maxTwins = 64
	beyond   = maxTwins + 1
)

// Reset forgets all twins, and is about so many voters from now on.
func (t *Twins) Reset(voters int) {
	if t == nil {
		return
	}
	if cap(t.place) < voters {
		t.place = make([]int, voters)
	}
	t.place = t.place[:voters]
	clear(t.place)
	t.of, t.count = [maxTwins]uint64{}, 0
}

// Link makes two different voters twins.
func (t *Twins) Link(a, b int) {
	if invariants.Enabled {
		invariants.Check(a != b, "voter %d is its own twin", a)
	}
	for _, v := range []int{a, b} {
		if t.place[v] == 0 {
			t.count++
			t.place[v] = min(t.count, beyond)
		}
	}
	if p, q := t.place[a], t.place[b]; p != beyond && q != beyond {
		t.of[p-1] |= 1 << (q - 1)
		t.of[q-1] |= 1 << (p - 1)
	}
}

// Ignore has a voter rule nothing out.
func (t *Twins) Ignore(v int) {
	t.count = max(t.count, 1)
	t.place[v] = beyond
}

// Any reports whether there are any twins.
func (t *Twins) Any() bool { return t != nil && t.count > 0 }

// Apart returns how many of the marked voters are pairwise no twins: the most that can be found.
func (t *Twins) Apart(marked []bool) int {
	apart, _ := t.Machines(marked)
	return apart
}

// Machines is Apart for whoever must not take too few for all: exact is false if there may be more.
func (t *Twins) Machines(marked []bool) (apart int, exact bool) {
	var tangled uint64
	exact = true
	for v, is := range marked {
		switch {
		case !is:
		case !t.Any() || t.place[v] == 0:
			apart++
		case t.place[v] != beyond:
			tangled |= 1 << (t.place[v] - 1)
		default:
			exact = false
		}
	}
	budget := searches
	apart += t.search(tangled, &budget)
	return apart, exact && budget > 0
}

// searches bounds the work of one search.
const searches = 1024

// search returns the size of a largest set without twins within a set of places. It is exact until the budget is used up, which takes dozens of voters that are twins in a
// contrived pattern. From there on what it finds is a set without twins, though perhaps not a largest one: fewer
// moments are ruled out than could be.
func (t *Twins) search(set uint64, budget *int) (size int) {
	for set != 0 {
		least, leastDegree, most, mostDegree := -1, maxTwins, -1, -1
		simplicial := -1
		for left := set; left != 0; left &= left - 1 {
			v := bits.TrailingZeros64(left)
			degree := bits.OnesCount64(t.of[v] & set)
			if degree < leastDegree {
				least, leastDegree = v, degree
			}
			if degree > mostDegree {
				most, mostDegree = v, degree
			}
			if simplicial < 0 && t.clique(t.of[v]&set) {
				simplicial = v
			}
		}
		take := simplicial // of a voter and its twins, if these are twins of each other, no more than one is in any such set
		if take < 0 && *budget <= 0 {
			take = least
		}
		if take < 0 {
			*budget--
			with := 1 + t.search(set&^(t.of[most]|1<<most), budget)
			without := t.search(set&^(1<<most), budget)
			return size + max(with, without)
		}
		size++
		set &^= t.of[take] | 1<<take
	}
	return size
}

// clique reports whether all in the set are twins of each other.
func (t *Twins) clique(set uint64) bool {
	for left := set; left != 0; left &= left - 1 {
		v := bits.TrailingZeros64(left)
		if set&^(t.of[v]|1<<v) != 0 {
			return false
		}
	}
	return true
}
