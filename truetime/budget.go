package truetime

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// Budget says why ε is what it is: its parts, none of them negative, which add up to it to the
// nanosecond. The zero value stands for no answer.
//
// Earliest follows from one sample and Latest from another one, or from the same. Each brings its
// claim and half its round trip. Where two samples rule out what one of them alone allows for, less
// of that is left; where they disagree, the answer has to cover both, because either source may be
// the one that is right.
type Budget struct {
	Delay        time.Duration // half the round trip, less what each way is declared to take: a nearer source or a faster network makes it smaller
	Claim        time.Duration // E, what the sources say that they may be wrong by: a better source makes it smaller
	Drift        time.Duration // what the local counter may have gained or lost since: shorter polls or a smaller drift make it smaller
	Leap         time.Duration // a leap second that is neither confirmed nor excluded: a newer table makes it 0
	Pause        time.Duration // half of the time for which the counter may have stood still unseen ([WithUnseenPause])
	Disagreement time.Duration // between the two sources: it may be the path of one, or one that is wrong

	// Which sources the two ends follow from, and how long ago each gave that sample.
	EarliestFrom, LatestFrom string
	EarliestAge, LatestAge   time.Duration
}

func budgetOf(b engine.Budget, names []string) Budget {
	name := func(i int) string {
		if i < 0 {
			return ""
		}
		return names[i]
	}
	return Budget{
		Delay: b.Delay, Claim: b.Claim, Drift: b.Drift, Leap: b.Leap, Pause: b.Pause, Disagreement: b.Disagreement,
		EarliestFrom: name(b.Earliest.Source), EarliestAge: b.Earliest.Age,
		LatestFrom: name(b.Latest.Source), LatestAge: b.Latest.Age,
	}
}

// Uncertainty returns ε, the sum of the parts.
func (b Budget) Uncertainty() time.Duration {
	return b.Delay + b.Claim + b.Drift + b.Leap + b.Pause + b.Disagreement
}

// String says it in a sentence, the largest part first, as in "ε is 1.35ms: 750µs drift in 3.7s,
// 500µs round trip, 100µs claimed; Earliest follows from a, Latest from b".
func (b Budget) String() string {
	if b == (Budget{}) {
		return "no answer"
	}
	type part struct {
		size time.Duration
		text string
	}
	parts := []part{
		{b.Delay, "round trip"},
		{b.Claim, "claimed"},
		{b.Drift, fmt.Sprintf("drift in %v", max(b.EarliestAge, b.LatestAge).Round(time.Millisecond))},
		{b.Leap, "for a leap second that is possible"},
		{b.Pause, "for a pause that nobody sees"},
		{b.Disagreement, "disagreement"},
	}
	slices.SortStableFunc(parts, func(p, q part) int { return cmp.Compare(q.size, p.size) })
	var texts []string
	for _, p := range parts {
		if p.size > 0 {
			texts = append(texts, fmt.Sprintf("%v %s", p.size, p.text))
		}
	}
	return fmt.Sprintf("ε is %v: %s; Earliest follows from %s, Latest from %s",
		b.Uncertainty(), strings.Join(texts, ", "), b.EarliestFrom, b.LatestFrom)
}
