package ptpsrc

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/internal/wallclock/wallclocktest"
	"github.com/epsilontime/epsilon/monotonic"
)

// stampedArrival is a message that came at 80 µs by the counter, of which the program learned 40 µs later, while a
// source had begun to look at 1 µs.
func stampedArrival(w *scriptedPHC) (wallBracket, arrival) {
	const began, came, woke = 1000, 80_000, 120_000
	m := arrival{at: woke, stamp: w.wall.Wall(came), look: w.wall.Look(woke+100, woke+150, woke+200, woke+250)}
	return wallBracket{first: w.wall.Look(began, began+50, began+100, began+150), watch: scriptedWatch{w}}, m
}

func TestKernelsStampOfASyncCountsWhileNobodySetsTheWallClock(t *testing.T) {
	const came, woke = 80_000, 120_000
	set := func(at, by int64) wallclocktest.Scripted {
		return wallclocktest.Steady(wallclocktest.Set{At: at, By: by})
	}
	for name, c := range map[string]struct {
		wall    wallclocktest.Scripted
		strobed bool
		change  func(*wallBracket, *arrival)
		stamps  string
	}{
		"undisturbed":           {wallclocktest.Steady(), false, nil, stampedByKernel},
		"slewed fast":           {wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{1.2}}, false, nil, stampedByKernel},
		"slewed slowly":         {wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{0.8}}, false, nil, stampedByKernel},
		"set before it came":    {set(50_000, 7_000_000), false, nil, stampedUnsteadily},
		"set after it came":     {set(100_000, 7_000_000), false, nil, stampedUnsteadily},
		"set back after it":     {set(100_000, -7_000_000), false, nil, stampedUnsteadily},
		"set to and fro":        {wallclocktest.Steady(), true, nil, stampedUnsteadily},
		"no stamp":              {wallclocktest.Steady(), false, func(_ *wallBracket, m *arrival) { m.stamp = 0 }, stampedByProgram},
		"no watch":              {wallclocktest.Steady(), false, func(b *wallBracket, _ *arrival) { b.watch = nil }, stampedByProgram},
		"came before the watch": {wallclocktest.Steady(), false, func(_ *wallBracket, m *arrival) { m.stamp = wallclocktest.Epoch + 500 }, stampedByProgram},
		"stamp of tomorrow":     {wallclocktest.Steady(), false, func(_ *wallBracket, m *arrival) { m.stamp += int64(24 * time.Hour) }, stampedByProgram},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScriptedPHC(11)
			w.wall, w.strobed = c.wall, c.strobed
			b, m := stampedArrival(w)
			if c.change != nil {
				c.change(&b, &m)
			}
			at, stamps := b.arrived(m)
			require.Equal(t, c.stamps, stamps)
			if stamps != stampedByKernel {
				require.EqualValues(t, woke, at)
				return
			}
			require.GreaterOrEqual(t, at, monotonic.Instant(came), "it had not come before")
			require.Less(t, at, monotonic.Instant(came+20_000))
		})
	}
}

// noWall is a system whose wall clock cannot be watched, or not read.
type noWall struct{ *scriptedPHC }

func (noWall) look(monotonic.Counter) (wallclock.Look, error) {
	return wallclock.Look{}, errors.ErrUnsupported
}

func TestWallClockThatCannotBeReadLeavesTheProgramsOwnReading(t *testing.T) {
	w := newScriptedPHC(12)
	b := watchWall(noWall{w}, w)
	require.Nil(t, b.watch)
	require.NotNil(t, watchWall(w, w).watch)
}
