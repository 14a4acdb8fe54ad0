package ptpsrc

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// stampedArrival is a message that came at 80 µs by the counter, of which the program learned 40 µs
// later, while a source had begun at 1 µs.
func stampedArrival(w *scriptedPHC) (wallBracket, arrival) {
	const began, came, woke = 1000, 80_000, 120_000
	m := arrival{at: woke, stamp: w.wall.Wall(came), wall: w.wall.Reading(woke+100, woke+150, woke+200, woke+250)}
	return wallBracket{first: w.wall.Reading(began, began+50, began+100, began+150), watch: scriptedWatch{w}}, m
}

// set is a wall clock that somebody sets once.
func set(at, by int64) wallclocktest.Scripted {
	return wallclocktest.Steady(wallclocktest.Set{At: at, By: by})
}

func TestKernelsStampOfASyncCountsWhileNobodySetsTheWallClock(t *testing.T) {
	const came, woke = 80_000, 120_000
	for name, c := range map[string]struct {
		wall    wallclocktest.Scripted
		strobed bool
		change  func(*wallBracket, *arrival)
		by      witness
	}{
		"undisturbed":           {wallclocktest.Steady(), false, nil, byKernel},
		"slewed fast":           {wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{1.2}}, false, nil, byKernel},
		"slewed slowly":         {wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{0.8}}, false, nil, byKernel},
		"set before it came":    {set(50_000, 7_000_000), false, nil, byProgramAlone},
		"set after it came":     {set(100_000, 7_000_000), false, nil, byProgramAlone},
		"set back after it":     {set(100_000, -7_000_000), false, nil, byProgramAlone},
		"set to and fro":        {wallclocktest.Steady(), true, nil, byProgramAlone},
		"no stamp":              {wallclocktest.Steady(), false, func(_ *wallBracket, m *arrival) { m.stamp = 0 }, byProgram},
		"no watch":              {wallclocktest.Steady(), false, func(b *wallBracket, _ *arrival) { b.watch = nil }, byProgram},
		"came before the watch": {wallclocktest.Steady(), false, func(_ *wallBracket, m *arrival) { m.stamp = wallclocktest.Epoch + 500 }, byProgram},
		"stamp of tomorrow":     {wallclocktest.Steady(), false, func(_ *wallBracket, m *arrival) { m.stamp += int64(24 * time.Hour) }, byProgram},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScriptedPHC(11)
			w.wall, w.strobed = c.wall, c.strobed
			b, m := stampedArrival(w)
			if c.change != nil {
				c.change(&b, &m)
			}
			at, by := b.arrived(m)
			require.Equal(t, c.by, by)
			if by != byKernel {
				require.EqualValues(t, woke, at)
				return
			}
			require.GreaterOrEqual(t, at, monotonic.Instant(came), "it had not come before")
			require.Less(t, at, monotonic.Instant(came+20_000))
		})
	}
}

// stampedDeparture is a message that left at 80 µs by the counter, of which the program looked and
// read the counter 20 µs before, and a system that can be looked at from 120 µs on.
func stampedDeparture(w *scriptedPHC) (wallBracket, *departure, int64) {
	const looked, read, left, answered = 60_000, 60_300, 80_000, 120_000
	w.moment, w.takes = answered, 50
	d := &departure{wall: w.wall.Reading(looked, looked+50, looked+100, looked+150), at: read}
	return wallBracket{system: w, counter: w, watch: scriptedWatch{w}}, d, w.wall.Wall(left)
}

func TestKernelsStampOfADelayReqCountsWhileNobodySetsTheWallClock(t *testing.T) {
	const read, left = 60_300, 80_000
	for name, c := range map[string]struct {
		wall    wallclocktest.Scripted
		strobed bool
		change  func(b *wallBracket, d *departure, stamp *int64)
		by      witness
	}{
		"undisturbed":               {wallclocktest.Steady(), false, nil, byKernel},
		"slewed fast":               {wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{1.2}}, false, nil, byKernel},
		"slewed slowly":             {wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{0.8}}, false, nil, byKernel},
		"runs off":                  {wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{2}}, false, nil, byProgramAlone},
		"set before it left":        {set(70_000, 10_000), false, nil, byProgramAlone},
		"set back before it left":   {set(70_000, -10_000), false, nil, byProgramAlone},
		"set after it left":         {set(100_000, 7_000_000), false, nil, byProgramAlone},
		"set back after it left":    {set(100_000, -7_000_000), false, nil, byProgramAlone},
		"set long before":           {set(1_000, 7_000_000), false, nil, byKernel},
		"set to and fro":            {wallclocktest.Steady(), true, nil, byProgramAlone},
		"no stamp":                  {wallclocktest.Steady(), false, func(_ *wallBracket, _ *departure, s *int64) { *s = 0 }, byProgram},
		"no stamp, and set":         {set(100_000, 7_000_000), false, func(_ *wallBracket, _ *departure, s *int64) { *s = 0 }, byProgram},
		"no watch":                  {wallclocktest.Steady(), false, func(b *wallBracket, _ *departure, _ *int64) { b.watch = nil }, byProgram},
		"no reading before":         {wallclocktest.Steady(), false, func(_ *wallBracket, d *departure, _ *int64) { d.wall = wallclock.Reading{} }, byProgram},
		"no reading after":          {wallclocktest.Steady(), false, func(b *wallBracket, _ *departure, _ *int64) { b.system = noWall{} }, byProgram},
		"stamp from before it":      {wallclocktest.Steady(), false, func(_ *wallBracket, _ *departure, s *int64) { *s = wallclocktest.Epoch + 59_000 }, byProgram},
		"stamp from the reading on": {wallclocktest.Steady(), false, func(_ *wallBracket, _ *departure, s *int64) { *s = wallclocktest.Epoch + 60_100 }, byKernel},
		"stamp of after the answer": {wallclocktest.Steady(), false, func(_ *wallBracket, _ *departure, s *int64) { *s += int64(time.Second) }, byProgram},
	} {
		t.Run(name, func(t *testing.T) {
			w := newScriptedPHC(13)
			w.wall, w.strobed = c.wall, c.strobed
			b, d, stamp := stampedDeparture(w)
			if c.change != nil {
				c.change(&b, d, &stamp)
			}
			at, by := b.left(d, stamp)
			require.Equal(t, c.by, by)
			require.LessOrEqual(t, at, monotonic.Instant(left), "it had left by then")
			require.GreaterOrEqual(t, at, monotonic.Instant(read), "it may only narrow")
			switch {
			case by != byKernel:
				require.EqualValues(t, read, at)
			case stamp == w.wall.Wall(left):
				require.Greater(t, at, monotonic.Instant(left-10_000))
			}
		})
	}
}

func TestStatusSaysWhoHasStamped(t *testing.T) {
	for both, want := range map[[2]witness]string{
		{byKernel, byKernel}:             "kernel",
		{byKernel, byProgram}:            "kernel, receive only",
		{byKernel, byProgramAlone}:       "kernel, receive only",
		{byProgram, byKernel}:            "kernel, transmit only",
		{byProgramAlone, byKernel}:       "kernel, transmit only",
		{byProgram, byProgram}:           "program",
		{byProgramAlone, byProgramAlone}: wallclock.StampedUnsteadily,
		{byProgram, byProgramAlone}:      wallclock.StampedUnsteadily,
		{byProgramAlone, byProgram}:      wallclock.StampedUnsteadily,
	} {
		require.Equal(t, want, stampedBy(both[0], both[1]))
	}
}

// noWall is a system whose wall clock cannot be watched, or not read.
type noWall struct{ *scriptedPHC }

func (noWall) readFirst(monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Reading{}, errors.ErrUnsupported
}

func (noWall) readLast(monotonic.Counter) (wallclock.Reading, error) {
	return wallclock.Reading{}, errors.ErrUnsupported
}

func TestWallClockThatCannotBeReadLeavesTheProgramsOwnReading(t *testing.T) {
	w := newScriptedPHC(12)
	b := watchWall(noWall{w}, w, 200, &wallMemory{})
	require.Nil(t, b.watch)
	require.NotNil(t, watchWall(w, w, 200, &wallMemory{}).watch)
	require.Zero(t, b.readAgain())
	b = watchWall(w, w, 200, &wallMemory{})
	require.NotZero(t, b.readAgain())
	b.system = noWall{w}
	require.Zero(t, b.readAgain())
}

// What a fifth of the distance was is half a percent where the kernel says how it is steered.
func TestKernelThatSaysHowItIsSteeredMakesStampsSharp(t *testing.T) {
	const waited, distance = 10_000_000, 200_000
	for _, tick := range []int64{0, 10_000} {
		w := newScriptedPHC(14)
		w.tick = tick
		var memory wallMemory
		watchWall(w, w, 200, &memory)
		w.moment += waited
		b := watchWall(w, w, 200, &memory)
		w.moment += waited
		came := w.counterAt(w.moment)
		m := arrival{stamp: w.wall.Wall(int64(came))}
		w.moment += distance
		m.at = w.Now()
		var err error
		m.wall, err = w.readLast(w)
		require.NoError(t, err)
		at, by := b.arrived(m)
		require.Equal(t, byKernel, by)
		require.GreaterOrEqual(t, at, came)

		d := &departure{wall: b.readAgain()}
		d.at = w.Now()
		w.moment += distance
		left := w.counterAt(w.moment)
		stamp := w.wall.Wall(int64(left))
		w.moment += waited
		from, by := b.left(d, stamp)
		require.Equal(t, byKernel, by)
		require.LessOrEqual(t, from, left)

		late, early := at.Sub(came), left.Sub(from)
		if tick == 0 {
			require.Greater(t, min(late, early), distance*15*time.Nanosecond/100)
		} else {
			require.Less(t, max(late, early), distance*time.Nanosecond/100+2*time.Microsecond)
		}
	}
}

// A slew ends, and whoever has ended it is kept from going on until an interrupt, which comes while the program is
// kept from reading the clocks. A look that came after the reading would find that the kernel does what it says.
func TestLookComesBeforeTheReadingOfWhatIsToBeSent(t *testing.T) {
	const fast, interrupt = 1.08, 37_037_037 // 40 ms by the wall clock
	w := newScriptedPHC(15)
	w.tick = 10_000
	begin := w.moment
	ends := begin + interrupt
	w.wall = wallclocktest.Scripted{Starts: []int64{0, begin, ends}, Rates: []float64{1, fast, 1}}
	w.moment = ends - 400_000
	var memory wallMemory
	b := watchWall(w, w, 200, &memory)
	w.moment = ends - 200_000
	w.between = func() { w.moment += 210_000 }
	d := &departure{wall: b.readAgain()}
	d.at = d.wall.Before // as if nothing had kept the program
	left := w.counterAt(w.moment)
	stamp := w.wall.Wall(int64(left))
	w.between = nil
	w.moment += 10_000_000
	from, by := b.left(d, stamp)
	require.Equal(t, byKernel, by)
	require.LessOrEqual(t, from, left)
}

// The tick is made shorter, while an offset is slewed, between the last reading and the look after it. A look that came
// before the reading would not find it, and the average would be too low.
func TestLookComesAfterTheReadingOfWhatWasAnswered(t *testing.T) {
	const slewed = 1.05
	w := newScriptedPHC(16)
	w.tick = 10_000
	w.wall = wallclocktest.Scripted{Starts: []int64{0, w.moment + 30_000_000}, Rates: []float64{slewed, slewed - 0.1}}
	answered := w.moment + 30_000_000
	var memory wallMemory
	b := watchWall(w, w, 200, &memory)
	w.moment += 20_000_000
	d := &departure{wall: b.readAgain()}
	d.at = w.Now()
	w.moment += 5_000_000
	left := w.counterAt(w.moment)
	stamp := w.wall.Wall(int64(left))
	w.moment = answered - 10_000
	w.between = func() { w.moment, w.tick = w.moment+10_000_000, 9_000 }
	from, by := b.left(d, stamp)
	require.Equal(t, byKernel, by)
	require.LessOrEqual(t, from, left)
}

// What was found under a watch counts no longer once the clock was set.
func TestLooksFromBeforeTheClockWasSetAreForgotten(t *testing.T) {
	w := newScriptedPHC(17)
	w.tick = 10_000
	var memory wallMemory
	first := watchWall(w, w, 200, &memory).first.Steering
	require.Equal(t, first.Coarse, first.Since, "it is the first look")
	w.moment += 10_000_000
	again := watchWall(w, w, 200, &memory).first.Steering
	require.Equal(t, first.Coarse, again.Since)
	require.Greater(t, again.Coarse, again.Since)
	w.strobed = true
	w.moment += 10_000_000
	set := watchWall(w, w, 200, &memory).first.Steering
	require.Equal(t, set.Coarse, set.Since)
}
