package inwords

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Part is one of those that ε is made of.
type Part struct {
	Name string
	Size time.Duration
}

// AllParts are those of ε, also where they are 0, in the order in which they are always drawn.
func AllParts(b truetime.Budget) []Part {
	return []Part{{"delay", b.Delay}, {"claim", b.Claim}, {"drift", b.Drift}, {"leap", b.Leap}, {"pause", b.Pause}, {"disagreement", b.Disagreement}}
}

// Parts are those of ε that are not 0, the largest first.
func Parts(b truetime.Budget) []Part {
	all := slices.DeleteFunc(AllParts(b), func(p Part) bool { return p.Size <= 0 })
	slices.SortStableFunc(all, func(p, q Part) int { return cmp.Compare(q.Size, p.Size) })
	return all
}

// Ends says which sources the two ends of the interval follow from; nothing where there is no interval.
func Ends(b truetime.Budget) string {
	switch {
	case b == (truetime.Budget{}):
		return ""
	case b.EarliestFrom == b.LatestFrom && b.EarliestAge == b.LatestAge:
		return fmt.Sprintf("Both ends follow from what %s said %s ago.", b.EarliestFrom, Age(b.EarliestAge))
	}
	return fmt.Sprintf("Earliest follows from what %s said %s ago, and Latest from what %s said %s ago.",
		b.EarliestFrom, Age(b.EarliestAge), b.LatestFrom, Age(b.LatestAge))
}

// Explanation says what a part of a budget is and what would make it smaller. The drift is what the clock assumes, 0
// if that is not known.
func (p Part) Explanation(b truetime.Budget, driftPPM float64) string {
	switch p.Name {
	case "delay":
		return "Half the round trip to the servers: nothing tells where between sending and receiving the server read its clock. " +
			"Nearer servers or a faster network make it smaller."
	case "claim":
		return "What the servers say that they may be wrong by themselves. Better servers make it smaller: a lower stratum, or one with a reference clock of its own."
	case "drift":
		return fmt.Sprintf("What this host's counter may have gained or lost since, up to %s ago. It is assumed to be off by up to %s. "+
			"More frequent polls, or an assumption that the oscillator keeps (drift_ppm, max_wander_ppb), make it smaller.",
			Age(max(b.EarliestAge, b.LatestAge)), ppm(driftPPM))
	case "leap":
		return "A leap second that is neither confirmed nor excluded. A newer table of leap seconds makes it 0: update tzdata."
	case "pause":
		return "For how long this host's counter may stand still where nobody sees it, as in a live migration: half of what is assumed (unseen_pause). " +
			"A hypervisor that tells of it through a VMClock device makes the assumption needless."
	case "disagreement":
		one, another := b.EarliestFrom, b.LatestFrom
		if p.Size <= 0 || one == another {
			return "By how much two sources disagree beyond what their delays, claims and drift explain: either may be right. More sources make it smaller."
		}
		return fmt.Sprintf("%s and %s disagree by more than their delays, claims and drift explain, and either may be right. More sources make it smaller: they outvote the one that is wrong.",
			cmp.Or(one, "One source"), cmp.Or(another, "another"))
	}
	return ""
}

func ppm(f float64) string {
	if f == 0 {
		return "an unknown rate"
	}
	return fmt.Sprintf("%g ppm", f)
}
