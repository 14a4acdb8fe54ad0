package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// What counts is the latest that the source says it can be: one that is vague may be right.
func TestOnlyWhatIsCertainlyTooEarlyIsImplausible(t *testing.T) {
	const since = int64(1_800_000_000) * int64(time.Second)
	for latest, plausible := range map[int64]bool{since - 1: false, since: true, since + 1: true, since - int64(time.Hour): false, since + int64(time.Hour)/2: true} {
		for _, scale := range []leap.Scale{leap.ScaleUTC, leap.ScaleTAI} {
			e := New(Config{
				Discipline:     discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}, Voter: []int{0, discipline.NoVote}},
				Poll:           polling.Config{Min: time.Second, Max: time.Minute, Burst: 1},
				PlausibleSince: since,
				Scale:          []leap.Scale{scale, leap.ScaleUTC},
			})
			for i := range 2 {
				err := e.Finish(i, e.Begin(i, 1), Reply{Facts: discipline.Facts{
					Upper: discipline.Point{At: 1, Time: latest},
					Lower: discipline.Point{At: 1, Time: latest - int64(time.Hour)},
				}}, 1)
				if plausible {
					require.NoError(t, err)
					continue
				}
				var implausible *ImplausibleError
				require.ErrorAs(t, err, &implausible)
				require.Equal(t, latest, implausible.Latest)
			}
		}
	}
}
