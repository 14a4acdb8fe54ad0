package truetimetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
)

// mutant is a single fault: in a file of the library, beside this directory, a text that occurs once
// is another one.
type mutant struct {
	name, file, is, becomes string
}

// assumptionMutants take for granted what nobody has promised. Each is noticed by the worlds that are made for it.
var assumptionMutants = []struct {
	mutant
	test string
}{
	{mutant{"the wander of dc/dT is taken for that of dT/dc", "internal/discipline/stability.go",
		"s.Wander / 1e9 * stretch * stretch * stretch * scaled,",
		"s.Wander / 1e9 * scaled,"}, "^TestTheRateMay"},
	{mutant{"the deviation of dc/dT is taken for that of dT/dc", "internal/discipline/stability.go",
		"s.Deviation * stretch * stretch * scaled,",
		"s.Deviation * scaled,"}, "^TestTheRateMay"},
	{mutant{"the hour of the deviation is the counter's", "internal/discipline/stability.go",
		"monotonic.Instant(float64(time.Hour) / (stretch * outward)),",
		"monotonic.Instant(time.Hour),"}, "^TestTheHourOf"},
	{mutant{"stale leap flags are believed in every month", "internal/leap/vote.go",
		"	case !isUsual(b.question.at), inserts > f",
		"	case inserts > f"}, "^TestStaleLeapFlags"},
	{mutant{"who does not know of a leap second denies it", "internal/leap/vote.go",
		"|| !usual && delta != 0 && b.says",
		"|| delta != 0 && b.says"}, "^TestServersThatDoNotKnow"},
	{mutant{"any time is plausible", "internal/engine/exchange.go",
		"	if latest := r.Facts.Upper.Time; latest < e.since {",
		"	if latest := r.Facts.Upper.Time; false {"}, "^TestServersThatHaveRolledOver"},
	{mutant{"an announcement counts for another day", "internal/leap/vote.go",
		"	case int64(s.lo) < int64(noon)-halfDay || int64(s.hi) >= int64(noon)+halfDay-ambiguity: // another day",
		"	case false:"}, "^TestALeapSecondInAnotherMonth"},
}

// leapMutants are noticed by leap days.
var leapMutants = []mutant{
	{"an answer is shifted alike in a smear", "internal/engine/answer.go",
		"	if a.output.From > leap.TAI(lo) || leap.TAI(hi) > a.output.Until {",
		"	if hi < 0 {"},
	{"lines ahead reach into the smear", "internal/discipline/ahead.go",
		"	a.span = min(a.span, a.meter.units(max(left-left/4, 0))) // a slope is below 1 + 1/8\n",
		"	_ = left\n"},
	{"one announcement makes a leap second", "internal/leap/vote.go",
		"	case inserts > f:",
		"	case inserts > 0:"},
	{"one voter excludes it", "internal/leap/vote.go",
		"if usual && knowing > b.voters.Faulty || against >= all {",
		"if usual && knowing > b.voters.Faulty || against >= min(all, 1) {"},
	{"one voter shows a leap second", "internal/leap/vote.go",
		"if usual && knowing > b.voters.Faulty || against >= all {",
		"if usual && knowing > 0 || against >= all {"},
	{"the answer does not allow for what is possible", "internal/leap/question.go",
		"	return q.timeline(t, most), q.timeline(t, least)",
		"	return q.timeline(t, least), q.timeline(t, least)"},
	{"what is believed outlives the epoch", "internal/engine/leap.go",
		"		s.belief.Restart()\n		s.epoch",
		"		s.epoch"},
	{"steps are taken for a smear", "internal/engine/leap.go",
		"s.kind[i] != leap.Smearing",
		"s.kind[i] == leap.Atomic"},
	{"TAI is certain for ever", "internal/engine/answer.go",
		"	} else if latest > a.certain {",
		"	} else if false {"},
}

var mutants = []mutant{
	{"greatest overlap in place of M_f", "internal/agreement/agreement.go",
		"need := max(votes.count-faulty, 1)",
		"need := max(votes.count-faulty, depth(r.lo, r.hi), 1)"},
	{"f from those that answer lately in place of those configured", "internal/discipline/vote.go",
		"	d.votes.Clear()\n	for v := range d.voters {\n		d.vote(v, now)\n	}\n	d.region.Compute(&d.votes, d.faulty, &d.twins)",
		"	d.votes.Clear()\n	for v := range d.voters {\n		if s := d.sources[d.voters[v][0]]; s.window.filled > 0 && now.Sub(s.heard) < 30e9 {\n			d.vote(v, now)\n		}\n	}\n	d.region.Compute(&d.votes, max(d.votes.Count()-1, 0)/2, nil)"},
	{"a silent source does not vote", "internal/discipline/vote.go",
		"	if s.convicted {\n		return agreement.Nothing",
		"	if s.convicted || s.window.filled == 0 {\n		return agreement.Nothing"},
	{"c4 for c1", "internal/discipline/discipline.go",
		"	d.sources[i].use(f, &d.motion)",
		"	f.Upper.At = f.Lower.At\n	d.sources[i].use(f, &d.motion)"},
	{"c1 for c4", "internal/discipline/discipline.go",
		"	d.sources[i].use(f, &d.motion)",
		"	f.Lower.At = f.Upper.At\n	d.sources[i].use(f, &d.motion)"},
	{"ρ for ρ'", "internal/discipline/drift.go",
		"bits.Div64(ppb, 0, billion-ppb)",
		"bits.Div64(ppb, 0, billion)"},
	{"bounds are not rounded outward", "internal/discipline/drift.go",
		"	return int64(whole) + 1",
		"	return int64(whole)"},
	{"the counter has no ticks", "internal/discipline/fact.go",
		"	most := s.Resolution + grow(s.Resolution, s.Drift.fast)",
		"	most := int64(0)"},
	{"a negative delay is clamped", "internal/discipline/discipline.go",
		"		return ErrSelfContradiction",
		"		f.Lower.Time = f.Upper.Time"},
	{"an epoch's facts outlive it", "internal/discipline/epoch.go",
		"		d.sources[i] = source{verdict: Unheard}\n		d.shown",
		"		d.sources[i].verdict = Unheard\n		d.shown"},
	{"an epoch's answer outlives it", "internal/discipline/epoch.go",
		"	d.answer, d.pending, d.confirmed, d.samples = false, false, false, 0",
		"	d.pending, d.confirmed, d.samples = false, false, 0"},
	{"samples of the epoch before are used", "internal/engine/exchange.go",
		"func (e *Engine) use(i int, x Exchange, r Reply, now monotonic.Instant) error {\n",
		"func (e *Engine) use(i int, x Exchange, r Reply, now monotonic.Instant) error {\n	x.Epoch, e.began = e.discipline.Epoch(), -1<<63\n"},
	{"lines ahead outlive their epoch", "internal/engine/answer.go",
		"if e.answered == a.Epoch {",
		"if e.answered != 0 {"},
	{"drift in one direction only", "internal/discipline/fact.go",
		"saturated.Add(p.Time, span), grow(span, s.Drift.slow))",
		"saturated.Add(p.Time, span), 0)"},
	{"the wander within a pair of facts is forgotten", "internal/discipline/stability.go",
		"bound := mean + float64(r.wander*float64(now-b.lower.At)/2)",
		"bound := mean"},
	{"a rate bound does not age", "internal/discipline/motion.go",
		"wandering := float64(rate*span) + side*float64(m.wander*distance)",
		"wandering := float64(rate*span) + 0*side*distance"},
	{"a published slope does not allow for wander", "internal/discipline/motion.go",
		"high = min(high, m.high+float64(m.wander*span),",
		"high = min(high, m.high,"},
	{"the deviation from the mean is forgotten", "internal/discipline/stability.go",
		"present = min(present, mean(b)+r.deviation)",
		"present = min(present, mean(b))"},
	{"rates outlive their epoch", "internal/discipline/epoch.go",
		"	d.rates.forget()\n",
		""},
	{"a disruption that the machine reports is ignored", "internal/engine/engine.go",
		"	if disruption != \"\" {",
		"	if false {"},
	{"a group believes all of its sources", "internal/discipline/vote.go",
		"d.inner.Compute(&d.members, d.tolerates[v], d.within[v])",
		"d.inner.Compute(&d.members, 0, d.within[v])"},
	{"a machine with two addresses votes twice", "internal/discipline/identity.go",
		"			d.twins.Link(u, v)",
		"			continue"},
	{"a sample that was kept is used", "internal/engine/exchange.go",
		"	case first < x.Begun:\n		return ErrBeforePoll\n	case first.Add(-max(r.Age, 0)) < e.began:",
		"	case first < -1<<63:"},
}

// machineMutants cost width or an answer and never truth, so no world calls them wrong: a test of what there has to
// be does.
var machineMutants = []mutant{
	{"a first answer takes 2f+1 voters", "internal/discipline/vote.go",
		"	return agreed.Bounded() && (uint64(agreed.Hi-agreed.Lo) <= uint64(widestFirst) || d.Heard() > 2*d.faulty)",
		"	return agreed.Bounded() && d.Heard() > 2*d.faulty"},
	{"a first answer may be of any width", "internal/discipline/vote.go",
		"	return agreed.Bounded() && (uint64(agreed.Hi-agreed.Lo) <= uint64(widestFirst) || d.Heard() > 2*d.faulty)",
		"	return agreed.Bounded()"},
	{"the region is flattened before it is cut", "internal/discipline/vote.go",
		"	left := d.region.Within(before)",
		"	left := d.region.Hull().Intersect(before)"},
	{"a group votes the hull of what it covers", "internal/discipline/vote.go",
		"	d.votes.Cast(d.inner.Parts()...)",
		"	d.votes.Cast(d.inner.Hull())"},
	{"twins of one machine are twins of each other", "internal/agreement/twins.go",
		"		t.of[q-1] |= 1 << (p - 1)",
		"		t.of[q-1] |= 1 << (p - 1)\n		for i := range t.count {\n			for j := range t.count {\n				for k := range t.count {\n					if (t.of[i]>>j)&1 == 1 && (t.of[j]>>k)&1 == 1 && i != k {\n						t.of[i] |= 1 << k\n					}\n				}\n			}\n		}"},
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

// The worlds notice every one of these faults, each on its own. The faulty library is built without the race detector;
// under it some of them have to do.
func TestWorldsNoticeEveryFault(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the library once for each fault")
	}
	for _, m := range mutants[:race.Count(len(mutants), 2)] {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			output, err := m.run(t, "^TestWorlds$", "-worlds", "2000")
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "the same world again", "it was not a world that noticed: %s", output)
		})
	}
	for _, m := range assumptionMutants[:race.Count(len(assumptionMutants), 1)] {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			output, err := m.run(t, m.test)
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "it is wrong by", "it was not a wrong answer that was noticed: %s", output)
		})
	}
	for _, m := range machineMutants[:race.Count(len(machineMutants), 1)] {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			output, err := m.run(t, "FDead|InsideAVague|CopiesHonest|WideFirst")
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "Error Trace", "it was not a test that noticed: %s", output)
		})
	}
	for _, m := range leapMutants[:race.Count(len(leapMutants), 1)] {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			output, err := m.run(t, "^TestLeapDays$", "-leapdays", "500")
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "the same day again", "it was not a leap day that noticed: %s", output)
		})
	}
}

// Without a fault the same command passes, or the test above would show nothing.
func TestWorldsNoticeNothingWhereThereIsNoFault(t *testing.T) {
	t.Parallel()
	output, err := mutant{file: "internal/discipline/drift.go"}.run(t, "^(TestWorlds|TestLeapDays)$",
		"-worlds", fmt.Sprint(race.Count(300, 30)), "-leapdays", fmt.Sprint(race.Count(20, 2)))
	require.NoError(t, err, output)
}

func (m mutant) run(t *testing.T, test string, flags ...string) (output string, err error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", m.file))
	require.NoError(t, err)
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(source)
	if m.is != "" {
		require.Equal(t, 1, strings.Count(text, m.is), "the text to replace in %s has changed: %s", m.file, m.is)
		text = strings.Replace(text, m.is, m.becomes, 1)
	}
	if strings.Contains(m.becomes, "depth(") {
		text += depth
	}
	dir := t.TempDir()
	faulty, overlay := filepath.Join(dir, "faulty.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(faulty, []byte(text), 0o600))
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, list, 0o600))

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	arguments := []string{"test", "-vet=off", "-count=1", "-overlay", overlay, "-run", test, ".", "-seed", "1"}
	command := exec.CommandContext(ctx, "go", append(arguments, flags...)...)
	out, err := command.CombinedOutput()
	return string(out), err
}
