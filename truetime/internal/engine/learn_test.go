package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// A table that is learnt between the first sample of an epoch and its first answer may say that TAI−UTC is another
// one than that by which the first sample was converted. A liar who is off by exactly that second agrees with it.
func TestATableLearntBeforeTheFirstAnswerLeavesNoSampleThatWasConvertedWithoutIt(t *testing.T) {
	builtIn := leap.BuiltIn()
	entries := append(builtIn.Entries(), leap.Entry{At: leap.UTC(time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC).UnixNano()), Offset: 38})
	newer, err := leap.NewTable(entries, leap.UTC(time.Date(2028, 6, 28, 0, 0, 0, 0, time.UTC).UnixNano()), "newer")
	require.NoError(t, err)

	e := New(Config{
		Discipline: discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}, Faulty: 1, Voter: []int{0, 1, 2}},
		Poll:       polling.Config{Min: 16 * time.Second, Max: time.Minute, Burst: 1},
		Scale:      []leap.Scale{leap.ScaleUTC, leap.ScaleUTC, leap.ScaleUTC},
	})
	now, utc := monotonic.Instant(0), time.Date(2028, 2, 10, 18, 0, 0, 0, time.UTC).UnixNano()
	spec := discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}
	says := func(i int, by time.Duration) {
		x := e.Begin(i, now)
		e.Look(now, spec, "")
		served := utc + int64(by)
		_ = e.Finish(i, x, Reply{Facts: discipline.Facts{
			Upper: discipline.Point{At: now, Time: served + 1000}, Lower: discipline.Point{At: now, Time: served - 1000},
		}}, now)
	}
	answer := func() (lo, hi int64, err error) {
		a := e.Answer(now, uint64(now), line.Nanoseconds)
		return a.At(uint64(now))
	}

	says(0, 0)
	_ = e.Learn(newer, now)
	says(1, -time.Second) // the liar
	if lo, hi, err := answer(); err == nil {
		require.LessOrEqual(t, lo, utc)
		require.GreaterOrEqual(t, hi, utc)
	}
	says(0, 0)
	says(2, 0)
	lo, hi, err := answer()
	require.NoError(t, err)
	require.LessOrEqual(t, lo, utc)
	require.GreaterOrEqual(t, hi, utc)
}
