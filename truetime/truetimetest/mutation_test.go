package truetimetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/mutant"
	"github.com/epsilontime/epsilon/internal/testing/race"
)

// assumptionMutants take for granted what nobody has promised. Each is noticed by the worlds that are made for it.
var assumptionMutants = []struct {
	mutant.Mutant
	test string
}{
	{mutant.Mutant{Name: "the wander of dc/dT is taken for that of dT/dc", File: "internal/discipline/stability.go",
		Is:      "s.Wander / 1e9 * stretch * stretch * stretch * scaled,",
		Becomes: "s.Wander / 1e9 * scaled,"}, "^TestTheRateMay"},
	{mutant.Mutant{Name: "the deviation of dc/dT is taken for that of dT/dc", File: "internal/discipline/stability.go",
		Is:      "s.Deviation * stretch * stretch * scaled,",
		Becomes: "s.Deviation * scaled,"}, "^TestTheRateMay"},
	{mutant.Mutant{Name: "the hour of the deviation is the counter's", File: "internal/discipline/stability.go",
		Is:      "monotonic.Instant(float64(time.Hour) / (stretch * outward)),",
		Becomes: "monotonic.Instant(time.Hour),"}, "^TestTheHourOf"},
	{mutant.Mutant{Name: "stale leap flags are believed in every month", File: "internal/leap/belief.go",
		Is:      "	case !isUsual(b.question.at), inserts > f",
		Becomes: "	case inserts > f"}, "^TestStaleLeapFlags"},
	{mutant.Mutant{Name: "who does not know of a leap second denies it", File: "internal/leap/belief.go",
		Is:      "|| !usual && delta != 0 && b.says",
		Becomes: "|| delta != 0 && b.says"}, "^TestServersThatDoNotKnow"},
	{mutant.Mutant{Name: "any time is plausible", File: "internal/engine/exchange.go",
		Is:      "	if latest := r.Facts.Upper.Time; latest < e.since {",
		Becomes: "	if latest := r.Facts.Upper.Time; false {"}, "^TestServersThatHaveRolledOver"},
	{mutant.Mutant{Name: "what is published runs straight on in a smear", File: "internal/engine/lasting.go",
		Is:      ".Widened(smearFraction)",
		Becomes: ""}, "^TestWhatIsPublishedHolds"},
	{mutant.Mutant{Name: "what was published before a smear runs straight on", File: "internal/engine/lasting.go",
		Is:      "a.Ahead.Lasting(smearFraction)",
		Becomes: "a.Ahead.Lasting(0)"}, "^TestWhatIsPublishedHolds"},
	{mutant.Mutant{Name: "an announcement counts for another day", File: "internal/leap/belief.go",
		Is:      "	case int64(s.lo) < int64(noon)-halfDay || int64(s.hi) >= int64(noon)+halfDay-ambiguity: // another day",
		Becomes: "	case false:"}, "^TestALeapSecondInAnotherMonth"},
	{mutant.Mutant{Name: "what the path takes at least is subtracted twice", File: "../internal/distance/record.go",
		Is:      "s.Latest.Add(-m), s.Earliest.Add(m), m",
		Becomes: "s.Latest.Add(-2*m), s.Earliest.Add(2*m), m"}, "^TestDistancesThatAreTrue$"},
	{mutant.Mutant{Name: "a round trip that is too short disproves nothing", File: "../internal/distance/claim.go",
		Is:      "	if roundTrip >= 2*m {",
		Becomes: "	if true {"}, "^TestDistanceThatIsDisproved"},
	{mutant.Mutant{Name: "a pause is allowed for in half", File: "internal/discipline/pause.go",
		Is:      "saturated.Add(f.Upper.Time, pause)",
		Becomes: "saturated.Add(f.Upper.Time, pause/2)"}, "^TestAnswersAreRightThrough"},
	{mutant.Mutant{Name: "a pause that has shown is forgotten", File: "internal/discipline/pause.go",
		Is:      "	if voters <= d.faulty {",
		Becomes: "	if true {"}, "^TestAPauseThatShows"},
	{mutant.Mutant{Name: "light keeps to smeared seconds", File: "../internal/distance/claim.go",
		Is:      "		m -= (m + smearedDay) / (smearedDay + 1)",
		Becomes: "		m -= 0"}, "^TestFarServersThatSmear$"},
}

// leapMutants are noticed by leap days.
var leapMutants = []mutant.Mutant{
	{Name: "an answer is shifted alike in a smear", File: "internal/engine/answer.go",
		Is:      "	if a.output.From > leap.TAI(lo) || leap.TAI(hi) > a.output.Until {",
		Becomes: "	if hi < 0 {"},
	{Name: "lines ahead reach into the smear", File: "../internal/line/pair.go",
		Is:      "	p.Span = min(p.Span, p.Meter.Units(max(left-left/4, 0))) // a slope is below 1 + 1/8\n",
		Becomes: "	_ = left\n"},
	{Name: "one announcement makes a leap second", File: "internal/leap/belief.go",
		Is:      "	case inserts > f:",
		Becomes: "	case inserts > 0:"},
	{Name: "one voter excludes it", File: "internal/leap/belief.go",
		Is:      "if usual && knowing > b.voters.Faulty || against >= all {",
		Becomes: "if usual && knowing > b.voters.Faulty || against >= min(all, 1) {"},
	{Name: "one voter shows a leap second", File: "internal/leap/belief.go",
		Is:      "if usual && knowing > b.voters.Faulty || against >= all {",
		Becomes: "if usual && knowing > 0 || against >= all {"},
	{Name: "the answer does not allow for what is possible", File: "internal/leap/question.go",
		Is:      "	return q.timeline(t, most), q.timeline(t, least)",
		Becomes: "	return q.timeline(t, least), q.timeline(t, least)"},
	{Name: "steps are taken for a smear", File: "internal/engine/leap.go",
		Is:      "s.declared[i] != leap.ScaleUTCSmeared",
		Becomes: "s.declared[i] == leap.ScaleTAI"},
	{Name: "TAI is certain for ever", File: "internal/engine/reading.go",
		Is:      "	known := latest <= a.certain",
		Becomes: "	known := true"},
}

var mutants = []mutant.Mutant{
	{Name: "greatest overlap in place of M_f", File: "internal/agreement/agreement.go",
		Is:      "need := max(votes.count-faulty, 1)",
		Becomes: "need := max(votes.count-faulty, depth(r.lo, r.hi), 1)", More: depth},
	{Name: "f from those that answer lately in place of those configured", File: "internal/discipline/vote.go",
		Is:      "	d.votes.Clear()\n	for v := range d.voters {\n		d.vote(v, now)\n	}\n	d.region.Compute(&d.votes, d.faulty, &d.twins)",
		Becomes: "	d.votes.Clear()\n	for v := range d.voters {\n		if s := d.sources[d.voters[v][0]]; s.window.filled > 0 && now.Sub(s.heard) < 30e9 {\n			d.vote(v, now)\n		}\n	}\n	d.region.Compute(&d.votes, max(d.votes.Count()-1, 0)/2, nil)"},
	{Name: "a silent source does not vote", File: "internal/discipline/vote.go",
		Is:      "	if s.convicted {\n		return agreement.Nothing",
		Becomes: "	if s.convicted || s.window.filled == 0 {\n		return agreement.Nothing"},
	{Name: "c4 for c1", File: "internal/discipline/discipline.go",
		Is:      "	d.sources[i].use(f, &d.motion)",
		Becomes: "	f.Upper.At = f.Lower.At\n	d.sources[i].use(f, &d.motion)"},
	{Name: "c1 for c4", File: "internal/discipline/discipline.go",
		Is:      "	d.sources[i].use(f, &d.motion)",
		Becomes: "	f.Lower.At = f.Upper.At\n	d.sources[i].use(f, &d.motion)"},
	{Name: "ρ for ρ'", File: "internal/discipline/drift.go",
		Is:      "bits.Div64(ppb, 0, billion-ppb)",
		Becomes: "bits.Div64(ppb, 0, billion)"},
	{Name: "bounds are not rounded outward", File: "internal/discipline/drift.go",
		Is:      "	return int64(whole) + 1",
		Becomes: "	return int64(whole)"},
	{Name: "the counter has no ticks", File: "internal/discipline/counterspec.go",
		Is:      "	most := s.Resolution + grow(s.Resolution, s.Drift.fast)",
		Becomes: "	most := int64(0)"},
	{Name: "a negative delay is clamped", File: "internal/discipline/discipline.go",
		Is:      "		return ErrSelfContradiction",
		Becomes: "		f.Lower.Time = f.Upper.Time"},
	{Name: "an epoch's facts outlive it", File: "internal/discipline/epoch.go",
		Is:      "		d.sources[i] = source{verdict: Unheard}\n		d.shown",
		Becomes: "		d.sources[i].verdict = Unheard\n		d.shown"},
	{Name: "an epoch's answer outlives it", File: "internal/discipline/epoch.go",
		Is:      "	d.answer, d.pending, d.confirmed, d.samples = false, false, false, 0",
		Becomes: "	d.pending, d.confirmed, d.samples = false, false, 0"},
	{Name: "samples of the epoch before are used", File: "internal/engine/exchange.go",
		Is:      "func (e *Engine) use(i int, x Exchange, r Reply, now monotonic.Instant) error {\n",
		Becomes: "func (e *Engine) use(i int, x Exchange, r Reply, now monotonic.Instant) error {\n	x.Epoch, e.began = e.discipline.Epoch(), -1<<62\n"},
	{Name: "lines ahead outlive their epoch", File: "internal/engine/answer.go",
		Is:      "if e.answered == a.Epoch {",
		Becomes: "if e.answered != 0 {"},
	{Name: "drift in one direction only", File: "internal/discipline/counterspec.go",
		Is:      "saturated.Add(p.Time, span), grow(span, s.Drift.slow))",
		Becomes: "saturated.Add(p.Time, span), 0)"},
	{Name: "the wander within a pair of facts is forgotten", File: "internal/discipline/stability.go",
		Is:      "bound := mean + float64(r.wander*float64(now-b.lower.At)/2)",
		Becomes: "bound := mean"},
	{Name: "a rate bound does not age", File: "internal/discipline/motion.go",
		Is:      "wandering := float64(rate*span) + side*float64(m.wander*distance)",
		Becomes: "wandering := float64(rate*span) + 0*side*distance"},
	{Name: "a published slope does not allow for wander", File: "internal/discipline/motion.go",
		Is:      "high = min(high, m.high+float64(m.wander*span),",
		Becomes: "high = min(high, m.high,"},
	{Name: "the deviation from the mean is forgotten", File: "internal/discipline/stability.go",
		Is:      "present = min(present, mean(b)+r.deviation)",
		Becomes: "present = min(present, mean(b))"},
	{Name: "rates outlive their epoch", File: "internal/discipline/epoch.go",
		Is:      "	d.rates.forget()\n",
		Becomes: ""},
	{Name: "a disruption that the machine reports is ignored", File: "internal/engine/engine.go",
		Is:      "	if disruption != \"\" {",
		Becomes: "	if false {"},
	{Name: "a group believes all of its sources", File: "internal/discipline/vote.go",
		Is:      "d.inner.Compute(&d.members, d.tolerates[v], d.within[v])",
		Becomes: "d.inner.Compute(&d.members, 0, d.within[v])"},
	{Name: "a machine with two addresses votes twice", File: "internal/discipline/identity.go",
		Is:      "			d.twins.Link(u, v)",
		Becomes: "			continue"},
	{Name: "one voter fewer may be wrong than the majority tolerates", File: "internal/engine/choices.go",
		Is:      "		faulty = max(voters-1, 0) / 2",
		Becomes: "		faulty = max(voters-3, 0) / 2"},
	{Name: "a sample that was kept is used", File: "internal/engine/exchange.go",
		Is:      "	case first < x.Begun:\n		return ErrBeforePoll\n	case x.Epoch > 1 && r.Age > first.Sub(e.began):",
		Becomes: "	case first < -1<<63:"},
}

// machineMutants cost width or an answer and never truth, so no world calls them wrong: a test of what there has to
// be does.
var machineMutants = []mutant.Mutant{
	{Name: "what is believed outlives the epoch", File: "internal/engine/leap.go",
		Is:      "		s.belief.Restart()\n		s.epoch",
		Becomes: "		s.epoch"},
	{Name: "a first answer takes 2f+1 voters", File: "internal/discipline/vote.go",
		Is:      "	return agreed.Bounded() && (uint64(agreed.Hi-agreed.Lo) <= uint64(widestFirst)+uint64(d.pause) || d.Heard() > 2*d.faulty)",
		Becomes: "	return agreed.Bounded() && d.Heard() > 2*d.faulty"},
	{Name: "a first answer may be of any width", File: "internal/discipline/vote.go",
		Is:      "	return agreed.Bounded() && (uint64(agreed.Hi-agreed.Lo) <= uint64(widestFirst)+uint64(d.pause) || d.Heard() > 2*d.faulty)",
		Becomes: "	return agreed.Bounded()"},
	{Name: "the region is flattened before it is cut", File: "internal/discipline/vote.go",
		Is:      "	left := d.region.Within(before)",
		Becomes: "	left := d.region.Hull().Intersect(before)"},
	{Name: "a group votes the hull of what it covers", File: "internal/discipline/vote.go",
		Is:      "	d.votes.Cast(d.inner.Parts()...)",
		Becomes: "	d.votes.Cast(d.inner.Hull())"},
	{Name: "twins of one machine are twins of each other", File: "internal/agreement/machines.go",
		Is:      "		t.of[q-1] |= 1 << (p - 1)",
		Becomes: "		t.of[q-1] |= 1 << (p - 1)\n		for i := range t.count {\n			for j := range t.count {\n				for k := range t.count {\n					if (t.of[i]>>j)&1 == 1 && (t.of[j]>>k)&1 == 1 && i != k {\n						t.of[i] |= 1 << k\n					}\n				}\n			}\n		}"},
}

// depth is what the first mutant needs.
const depth = `
func depth(lo, hi []int64) (deepest int) {
	for _, x := range lo {
		cover := 0
		for i := range lo {
			if lo[i] <= x {
				cover++
			}
			if hi[i] < x {
				cover--
			}
		}
		deepest = max(deepest, cover)
	}
	return deepest
}
`

// A fault whose text has changed would not be tried any more, and under the race detector most are not.
func TestEveryFaultIsInTheLibraryAsItIs(t *testing.T) {
	for _, m := range slices.Concat(mutants, machineMutants, leapMutants) {
		m.Check(t, "..")
	}
	for _, m := range assumptionMutants {
		m.Check(t, "..")
	}
}

// The worlds notice every one of these faults, each on its own. The faulty library is built without the race detector;
// under it some of them have to do.
func TestWorldsNoticeEveryFault(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the library once for each fault")
	}
	for _, m := range race.Some(mutants, 1) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			output, err := run(t, m, "^TestWorlds$", "-worlds", "2000")
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "the same world again", "it was not a world that noticed: %s", output)
		})
	}
	for _, m := range race.Some(assumptionMutants, 1) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			output, err := run(t, m.Mutant, m.test)
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "it is wrong by", "it was not a wrong answer that was noticed: %s", output)
		})
	}
	for _, m := range race.Some(machineMutants, 1) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			output, err := run(t, m, "FDead|InsideAVague|CopiesHonest|WideFirst|NoBeliefBehind")
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "Error Trace", "it was not a test that noticed: %s", output)
		})
	}
	for _, m := range race.Some(leapMutants, 1) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			output, err := run(t, m, "^TestLeapDays$", "-leapdays", "500")
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "the same day again", "it was not a leap day that noticed: %s", output)
		})
	}
}

// Without a fault the same command passes, or the test above would show nothing.
func TestWorldsNoticeNothingWhereThereIsNoFault(t *testing.T) {
	t.Parallel()
	output, err := run(t, mutant.Mutant{File: "internal/discipline/drift.go"}, "^(TestWorlds|TestLeapDays)$",
		"-worlds", fmt.Sprint(race.Count(300, 30)), "-leapdays", fmt.Sprint(race.Count(20, 2)))
	require.NoError(t, err, output)
}

// run runs tests of this package against a fault.
func run(t *testing.T, m mutant.Mutant, tests string, flags ...string) (output string, err error) {
	t.Helper()
	return m.Run(t, "..", append([]string{"-run", tests, ".", "-seed", "1"}, flags...)...)
}
