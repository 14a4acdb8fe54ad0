package adversary

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
)

// mutants are faults of the library, each on its own: in a file, below package truetime, a text that occurs once is
// another one.
var mutants = []struct{ name, file, is, becomes string }{
	{"greatest overlap in place of M_f", "internal/agreement/agreement.go",
		"need := max(votes.count-faulty, 1)",
		"need := votes.count\n\tfor need > 1 && !covered(r.lo, r.hi, need) {\n\t\tneed--\n\t}"},
	{"a silent source does not vote", "internal/discipline/vote.go",
		"	d.region.Compute(&d.votes, d.faulty, &d.twins)",
		"	d.votes.Clear()\n	for _, sources := range d.voters {\n		if s := d.sources[sources[0]]; s.window.filled > 0 && now.Sub(s.heard) < 5e8 {\n			d.votes.Cast(d.says(sources[0], now))\n		}\n	}\n	d.region.Compute(&d.votes, max(d.votes.Count()-1, 0)/2, nil)"},
	{"c4 for c1", "internal/discipline/discipline.go",
		"	d.sources[i].use(f, &d.motion)",
		"	f.Upper.At = f.Lower.At\n	d.sources[i].use(f, &d.motion)"},
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
		t.Run(m.name, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join("..", "..", "..", "truetime", m.file))
			require.NoError(t, err)
			source, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, 1, strings.Count(string(source), m.is), "the text to replace in %s has changed: %s", m.file, m.is)
			text := strings.Replace(string(source), m.is, m.becomes, 1)
			if strings.Contains(m.becomes, "covered(") {
				text += covered
			}
			dir := t.TempDir()
			faulty, overlay := filepath.Join(dir, "faulty.go"), filepath.Join(dir, "overlay.json")
			require.NoError(t, os.WriteFile(faulty, []byte(text), 0o600))
			list, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(overlay, list, 0o600))

			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			output, err := exec.CommandContext(ctx, "go", "test", "-vet=off", "-count=1", "-overlay", overlay, "-run", "^TestNoAnswerIsWrong", ".",
				"-seed", "1", "-answers", "200000", "-until-wrong").CombinedOutput()
			require.Error(t, err, "nothing noticed this fault: %s", output)
			require.Contains(t, string(output), "the same lies again", "it was not a wrong answer that was noticed")
		})
	}
}
