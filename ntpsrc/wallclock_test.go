package ntpsrc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/monotonic"
)

// scriptedWall is a wall clock against a counter that starts at 0: slewed by a rate that changes, and
// set at some moments.
type scriptedWall struct {
	starts []int64   // of a span of one rate, ascending, the first 0
	rates  []float64 // the wall clock's advance for 1 of the counter's
	sets   []wallSet
}

type wallSet struct{ at, by int64 }

const scriptedEpoch = 1_700_000_000_000_000_000

// slewed is what CLOCK_MONOTONIC reads.
func (w scriptedWall) slewed(at int64) int64 {
	sum := 0.0
	for i, start := range w.starts {
		end := at
		if i+1 < len(w.starts) {
			end = min(at, w.starts[i+1])
		}
		if end > start {
			sum += float64(end-start) * w.rates[i]
		}
	}
	return int64(sum)
}

// wall is what CLOCK_REALTIME reads.
func (w scriptedWall) wall(at int64) int64 {
	reading := scriptedEpoch + w.slewed(at)
	for _, s := range w.sets {
		if s.at <= at {
			reading += s.by
		}
	}
	return reading
}

// look reads the clocks at two moments between two readings of the counter.
func (w scriptedWall) look(before, wall, slewed, after int64) wallLook {
	return wallLook{monotonic.Instant(before), monotonic.Instant(after), w.wall(wall), w.slewed(slewed)}
}

// steady is a wall clock that runs like the counter, and is set as said.
func steady(sets ...wallSet) scriptedWall {
	return scriptedWall{starts: []int64{0}, rates: []float64{1}, sets: sets}
}

// bracketed is a bracket from 1 µs to 1 ms whose looks are 200 ns wide.
func bracketed(w scriptedWall) wallBracket {
	return wallBracket{first: w.look(1000, 1100, 1150, 1200), last: w.look(1_000_000, 1_000_100, 1_000_150, 1_000_200)}
}

func TestStampIsFoundWithinAFifthOfItsDistanceFromALook(t *testing.T) {
	w := steady()
	b := bracketed(w)
	for _, at := range []int64{2_000, 20_000, 500_000} {
		found, ok := b.notBefore(w.wall(at))
		require.True(t, ok)
		require.LessOrEqual(t, found, monotonic.Instant(at))
		require.InDelta(t, at, int64(found), float64(at)/5+1000)
	}
	for _, before := range []int64{1_000, 20_000, 500_000} {
		found, ok := b.notAfter(w.wall(1_000_000 - before))
		require.True(t, ok)
		require.GreaterOrEqual(t, found, monotonic.Instant(1_000_000-before))
		require.InDelta(t, 1_000_000-before, int64(found), float64(before)/5+1000)
	}
}

func TestWallClockThatWasSetIsNoticedByTheLooks(t *testing.T) {
	_, ok := bracketed(steady()).stepped()
	require.True(t, ok)
	for _, by := range []int64{2_000, -2_000, int64(time.Second), -int64(time.Second), 1 << 60} {
		for _, at := range []int64{1_201, 500_000, 999_999} {
			b := bracketed(steady(wallSet{at, by}))
			_, ok := b.stepped()
			require.False(t, ok, "set by %d at %d", by, at)
			_, ok = b.notAfter(scriptedEpoch + 900_000)
			require.False(t, ok)
			_, ok = b.notBefore(scriptedEpoch + 3_000)
			require.False(t, ok)
		}
	}
}

// The difference to CLOCK_MONOTONIC is what shows it: a counter could not tell a step from a slew.
func TestWallClockThatIsSlewedIsNotTakenForOneThatWasSet(t *testing.T) {
	for _, rate := range []float64{0.78, 0.9, 1.1, 1.22} {
		b := bracketed(scriptedWall{starts: []int64{0}, rates: []float64{rate}})
		_, ok := b.stepped()
		require.True(t, ok, "rate %v", rate)
	}
}

func TestLooksThatRunBackwardsAreOfNoUse(t *testing.T) {
	good := bracketed(steady())
	for name, spoil := range map[string]func(*wallBracket){
		"first look":            func(b *wallBracket) { b.first.after = b.first.before - 1 },
		"last look":             func(b *wallBracket) { b.last.after = b.last.before - 1 },
		"last before the first": func(b *wallBracket) { b.last.before, b.last.after = 0, 200 },
	} {
		b := good
		spoil(&b)
		_, ok := b.stepped()
		require.False(t, ok, name)
	}
}

func TestStampFromOutsideTheLooksIsOfNoUse(t *testing.T) {
	w := steady()
	b := bracketed(w)
	for _, stamp := range []int64{0, w.wall(0), w.wall(1_000_101), -1 << 63, 1<<63 - 1} {
		_, ok := b.notAfter(stamp)
		require.False(t, ok, stamp)
		_, ok = b.notBefore(stamp)
		require.False(t, ok, stamp)
	}
}

// However the wall clock is slewed, and if it is set once by however little, what is said of a stamp
// is true.
func TestWhatAStampProvesIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const length = 3_000_000
		w := scriptedWall{starts: []int64{0}, rates: []float64{rapid.Float64Range(0.774, 1.226).Draw(t, "rate")}}
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			w.starts = append(w.starts, rapid.Int64Range(w.starts[len(w.starts)-1], length).Draw(t, "at"))
			w.rates = append(w.rates, rapid.Float64Range(0.774, 1.226).Draw(t, "rate"))
		}
		if rapid.Bool().Draw(t, "set") {
			by := rapid.OneOf(rapid.Int64Range(-2000, 2000), rapid.Int64Range(-1e10, 1e10)).Draw(t, "by")
			w.sets = []wallSet{{rapid.Int64Range(0, length).Draw(t, "at"), by}}
		}
		// Moments in the order in which a program meets them.
		var at [10]int64
		for i := 1; i < len(at); i++ {
			at[i] = at[i-1] + rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, 300_000)).Draw(t, "later")
		}
		b := wallBracket{first: w.look(at[0], at[1], at[2], at[3]), last: w.look(at[6], at[7], at[8], at[9])}
		sent, received := at[4], at[5]
		if from, ok := b.notBefore(w.wall(sent)); ok && int64(from) > sent {
			t.Fatalf("sent at %d, and said to be not before %d", sent, from)
		}
		if to, ok := b.notAfter(w.wall(received)); ok && int64(to) < received {
			t.Fatalf("received at %d, and said to be not after %d", received, to)
		}
	})
}
