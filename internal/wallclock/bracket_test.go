package wallclock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// bracketed is a bracket from 1 µs to 1 ms whose readings are 200 ns wide.
func bracketed(w wallclocktest.Scripted) wallclock.Bracket {
	return wallclock.Bracket{First: w.Reading(1000, 1100, 1150, 1200), Last: w.Reading(1_000_000, 1_000_100, 1_000_150, 1_000_200)}
}

func TestStampIsFoundWithinAFifthOfItsDistanceFromALook(t *testing.T) {
	w := wallclocktest.Steady()
	b := bracketed(w)
	for _, at := range []int64{2_000, 20_000, 500_000} {
		found, ok := b.NotBefore(w.Wall(at))
		require.True(t, ok)
		require.LessOrEqual(t, found, monotonic.Instant(at))
		require.InDelta(t, at, int64(found), float64(at)/5+1000)
	}
	for _, before := range []int64{1_000, 20_000, 500_000} {
		found, ok := b.NotAfter(w.Wall(1_000_000 - before))
		require.True(t, ok)
		require.GreaterOrEqual(t, found, monotonic.Instant(1_000_000-before))
		require.InDelta(t, 1_000_000-before, int64(found), float64(before)/5+1000)
	}
}

// A first reading that was interrupted serves for a second or two, and takes nothing off meanwhile.
func TestStampIsFoundAsWellAfterAFirstReadingThatWasInterrupted(t *testing.T) {
	w := wallclocktest.Steady()
	b := bracketed(w)
	b.First = w.Reading(1000, 1100, 1150, 101_200)
	found, ok := b.NotAfter(w.Wall(980_000))
	require.True(t, ok)
	require.GreaterOrEqual(t, found, monotonic.Instant(980_000))
	require.InDelta(t, 980_000, int64(found), 20_000/5+1000)
}

func TestWallClockThatWasSetIsNoticedByTheLooks(t *testing.T) {
	_, ok := bracketed(wallclocktest.Steady()).Stepped()
	require.True(t, ok)
	for _, by := range []int64{2_000, -2_000, int64(time.Second), -int64(time.Second), 1 << 60} {
		for _, at := range []int64{1_201, 500_000, 999_999} {
			b := bracketed(wallclocktest.Steady(wallclocktest.Set{At: at, By: by}))
			_, ok := b.Stepped()
			require.False(t, ok, "set by %d at %d", by, at)
			_, ok = b.NotAfter(wallclocktest.Epoch + 900_000)
			require.False(t, ok)
			_, ok = b.NotBefore(wallclocktest.Epoch + 3_000)
			require.False(t, ok)
		}
	}
}

// The difference to CLOCK_MONOTONIC is what shows it: a counter could not tell a step from a slew.
func TestWallClockThatIsSlewedIsNotTakenForOneThatWasSet(t *testing.T) {
	for _, rate := range []float64{0.78, 0.9, 1.1, 1.22} {
		b := bracketed(wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{rate}})
		_, ok := b.Stepped()
		require.True(t, ok, "rate %v", rate)
	}
}

func TestLooksThatRunBackwardsAreOfNoUse(t *testing.T) {
	good := bracketed(wallclocktest.Steady())
	for name, spoil := range map[string]func(*wallclock.Bracket){
		"first reading":         func(b *wallclock.Bracket) { b.First.After = b.First.Before - 1 },
		"last reading":          func(b *wallclock.Bracket) { b.Last.After = b.Last.Before - 1 },
		"last before the first": func(b *wallclock.Bracket) { b.Last.Before, b.Last.After = 0, 200 },
	} {
		b := good
		spoil(&b)
		_, ok := b.Stepped()
		require.False(t, ok, name)
	}
}

func TestStampFromOutsideTheLooksIsOfNoUse(t *testing.T) {
	w := wallclocktest.Steady()
	b := bracketed(w)
	for _, stamp := range []int64{0, w.Wall(0), w.Wall(1_000_101), -1 << 63, 1<<63 - 1} {
		_, ok := b.NotAfter(stamp)
		require.False(t, ok, stamp)
		_, ok = b.NotBefore(stamp)
		require.False(t, ok, stamp)
	}
}

// However the wall clock is slewed, and if it is set once by however little, what is said of a
// stamp is true.
func TestWhatAStampProvesIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const length = 3_000_000
		drift := rapid.SampledFrom([]float64{0, 200, 60_000, 100_000}).Draw(t, "drift")
		host := wallclock.HostDriftPPM(drift)
		// Of the host's clock against the counter, when nobody slews it.
		unslewed := (1 + rapid.Float64Range(-host/1e6, host/1e6).Draw(t, "host")) / (1 + rapid.Float64Range(-drift/1e6, drift/1e6).Draw(t, "counter"))
		rate := func() float64 { return rapid.Float64Range(0.774, 1.226).Draw(t, "rate") * unslewed }
		w := wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{rate()}}
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			w.Starts = append(w.Starts, rapid.Int64Range(w.Starts[len(w.Starts)-1], length).Draw(t, "at"))
			w.Rates = append(w.Rates, rate())
		}
		if rapid.Bool().Draw(t, "set") {
			by := rapid.OneOf(rapid.Int64Range(-2000, 2000), rapid.Int64Range(-1e10, 1e10)).Draw(t, "by")
			w.Sets = []wallclocktest.Set{{At: rapid.Int64Range(0, length).Draw(t, "at"), By: by}}
		}
		// Moments in the order in which a program meets them.
		var at [10]int64
		for i := 1; i < len(at); i++ {
			at[i] = at[i-1] + rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, 300_000)).Draw(t, "later")
		}
		reading := func(at []int64) wallclock.Reading {
			if rapid.Bool().Draw(t, "wall last") {
				return w.Reading(at[0], at[2], at[1], at[3])
			}
			return w.Reading(at[0], at[1], at[2], at[3])
		}
		b := wallclock.Bracket{First: reading(at[:4]), Last: reading(at[6:]), DriftPPM: drift}
		sent, received := at[4], at[5]
		if from, ok := b.NotBefore(w.Wall(sent)); ok && int64(from) > sent {
			t.Fatalf("sent at %d, and said to be not before %d", sent, from)
		}
		if to, ok := b.NotAfter(w.Wall(received)); ok && int64(to) < received {
			t.Fatalf("received at %d, and said to be not after %d", received, to)
		}
	})
}
