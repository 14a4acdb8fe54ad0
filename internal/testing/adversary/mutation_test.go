package adversary

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/mutant"
	"github.com/epsilontime/epsilon/internal/testing/race"
)

// mutants are faults of the library, each on its own.
var mutants = []mutant.Mutant{
	{Name: "greatest overlap in place of M_f", File: "internal/agreement/agreement.go",
		Is:      "need := max(votes.count-faulty, 1)",
		Becomes: "need := votes.count\n\tfor need > 1 && !covered(r.lo, r.hi, need) {\n\t\tneed--\n\t}", More: covered},
	{Name: "a silent source does not vote", File: "internal/discipline/vote.go",
		Is:      "	d.region.Compute(&d.votes, d.faulty, &d.twins)",
		Becomes: "	d.votes.Clear()\n	for _, sources := range d.voters {\n		if s := d.sources[sources[0]]; s.window.filled > 0 && now.Sub(s.heard) < 5e8 {\n			d.votes.Cast(d.says(sources[0], now))\n		}\n	}\n	d.region.Compute(&d.votes, max(d.votes.Count()-1, 0)/2, nil)"},
	{Name: "c4 for c1", File: "internal/discipline/discipline.go",
		Is:      "	d.sources[i].use(f, &d.motion)",
		Becomes: "	f.Upper.At = f.Lower.At\n	d.sources[i].use(f, &d.motion)"},
}

// covered is what the first mutant needs.
const covered = `
func covered(lo, hi []int64, need int) bool {
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
		if cover >= need {
			return true
		}
	}
	return false
}
`

// The liars find out each of these faults, or it would show nothing that they find none in the library as it is.
func TestLiarsNoticeEveryFault(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the library once for each fault")
	}
	for _, m := range mutants[:race.Count(len(mutants), 1)] {
		t.Run(m.Name, func(t *testing.T) {
			output, err := m.Run(t, "../../../truetime", "-run", "^TestNoAnswerIsWrong", ".", "-seed", "1", "-answers", "200000", "-until-wrong")
			require.Error(t, err, "nothing noticed this fault: %s", output)
			require.Contains(t, output, "the same lies again", "it was not a wrong answer that was noticed")
		})
	}
}
