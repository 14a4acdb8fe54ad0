package engine

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// Budget says what an uncertainty ε is made of. No part is negative, and they add up to it.
//
// # How it follows
//
// Each end of the answer is one fact, carried: Latest follows from an upper fact, U at c1, and
// Earliest from a lower one, L at c4. Without any carrying they are U − L + (c4 − c1) apart. If
// both are of one exchange that is 2E + δ, twice the source's claim and the round trip, or 2E + δ − 2m
// if each way is known to take m at least: what that leaves is the delay here. If they are
// of two, each brings its own claim and half its round trip; what is left is by how much the two
// sources disagree, and if nothing is left one rules out what the other allows for, so that less
// than their claims and delays remains. All that the answer is wider than this is from carrying the
// two facts to the present: drift. What conversion to smeared UTC adds is the leap second that is
// possible, and what the upper fact allows for a counter that stands still unseen is the pause.
//
// Over c4 − c1 true time is taken to have run at the middle of the rates that are possible. That is
// no bound, and need not be: it only says to which part something belongs.
type Budget struct {
	Delay        time.Duration // half of round trips, less what is known of them
	Claim        time.Duration // E, what the sources claim
	Drift        time.Duration // since the samples, by what is assumed about the counter
	Leap         time.Duration // since a leap second is neither confirmed nor excluded
	Pause        time.Duration // of the counter, unseen, that is allowed for
	Disagreement time.Duration // between the sources that the two ends follow from

	Earliest, Latest End
}

// End says from which sample an end of the answer follows.
type End struct {
	Source int           // −1 if it is not known
	Age    time.Duration // of the sample's reading that bounds this end
}

// measured returns facts with the claim and the delay of their exchange, in the scale of the
// source. A claim that has no room in them is cut.
func measured(f discipline.Facts) discipline.Facts {
	between := saturated.Sub(int64(f.Lower.At), int64(f.Upper.At))
	width := max(saturated.Add(saturated.Sub(f.Upper.Time, f.Lower.Time), between), 0)
	f.Claim = min(max(f.Claim, 0), width/2)
	f.Delay = width - 2*f.Claim
	return f
}

// budget says what the uncertainty of an answer is made of. Shown is the answer in smeared UTC,
// and counted the same in the engine's scale.
func (e *Engine) budget(shown, counted agreement.Interval, now monotonic.Instant) Budget {
	lower, upper := e.discipline.Origins()
	width, total := saturated.Sub(shown.Hi, shown.Lo), saturated.Sub(counted.Hi, counted.Lo)
	left := min(width, total)
	take := func(most int64) time.Duration {
		part := min(max(most, 0), left)
		left -= part
		return time.Duration(part / 2)
	}
	b := Budget{Earliest: End{Source: lower.Source}, Latest: End{Source: upper.Source}}
	if lower.Source >= 0 && upper.Source >= 0 {
		b.Earliest.Age, b.Latest.Age = now.Sub(lower.Fact.At), now.Sub(upper.Fact.At)
		low, high := e.discipline.Rate(now)
		span := saturated.Sub(int64(lower.Fact.At), int64(upper.Fact.At))
		uncarried := saturated.Add(saturated.Sub(upper.Fact.Time, lower.Fact.Time), saturated.Add(span, int64(float64(span)*(low+high)/2e6)))
		take(saturated.Sub(left, uncarried)) // by drift, which gets all that is not given to another part below
		b.Claim = take(saturated.Add(lower.Claim, upper.Claim))
		b.Delay = take(saturated.Add(lower.Delay/2, upper.Delay/2))
		b.Leap = take(saturated.Add(lower.Leap/2, upper.Leap/2))
		b.Pause = take(upper.Pause)
		b.Disagreement = take(left)
	}
	b.Leap += time.Duration(max(width-total, 0) / 2)
	b.Drift = time.Duration(width/2+width%2) - b.Claim - b.Delay - b.Leap - b.Pause - b.Disagreement
	return b
}
