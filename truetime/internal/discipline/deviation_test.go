package discipline

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/monotonic"
)

// In random histories of four to nine hours the rate of true time does the worst that a deviation D
// allows, and the answer always contains true time: the rate jumps between two levels that are D
// apart and may do so as often as it likes; or it climbs by D, stays for an hour, and climbs
// again, so that what was learned more than an hour ago is not true any more. One of two sources
// falls silent for good, but its last word still counts.
func TestTheAnswerContainsTrueTimeAtTheEdgeOfTheDeviation(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	seed := rand.Uint64()
	narrower := 0
	for history := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, history))
		narrower += runDeviating(t, rng, seed, history)
	}
	require.Positive(t, narrower, "the deviation was of no use")
	t.Logf("seed %d: %d answers narrower than drift alone allows", seed, narrower)
}

func runDeviating(t *testing.T, rng *rand.Rand, seed, history uint64) (narrower int) {
	deviation := int64(20 + rng.IntN(40_000)) // ppb
	o := &oscillator{truth: truthAtZero, ppb: slowestPPB + rng.Int64N(fastestPPB-slowestPPB-9*40_020)}
	climbing := rng.IntN(2) == 0
	low, changed := o.ppb, o.counter
	d := New(Config{
		Counter:   CounterSpec{Drift: NewDrift(200_000), Resolution: counterTick},
		Stability: Stability{Deviation: float64(deviation) * 1e-9},
		Voter:     []int{0, 1},
	})
	byDrift := New(Config{Counter: d.counter, Voter: []int{0, 1}})
	change := func() {
		switch {
		case climbing && o.counter-changed > monotonic.Instant(time.Hour) && o.ppb+deviation <= fastestPPB:
			o.ppb, changed = o.ppb+deviation, o.counter
		case !climbing && rng.IntN(30) == 0:
			o.ppb = low + deviation*rng.Int64N(2)
		}
	}
	check := func() {
		bounds, ok := d.Bounds()
		if !ok {
			return
		}
		i := bounds.At(o.read())
		require.LessOrEqual(t, i.Lo, o.truth, "seed %d history %d after %v", seed, history, o.counter.Sub(0))
		require.GreaterOrEqual(t, i.Hi, o.truth, "seed %d history %d after %v", seed, history, o.counter.Sub(0))
		wide, _ := byDrift.Bounds()
		if w := wide.At(o.read()); i.Hi-i.Lo < w.Hi-w.Lo-2 {
			narrower++
		}
	}
	poll := second << rng.IntN(8) // up to 128 s
	reach := int64(1) << (6 + 2*rng.IntN(7))
	silence := rng.Int64N(9 * 3600)                           // seconds, until nothing is heard for a long time
	parting := monotonic.Instant(rng.Int64N(9*3600) * second) // when the second source speaks for the last time
	for range min(int64(9*3600)*second/poll, 2500) {
		change()
		o.advance(1 + rng.Int64N(2*poll))
		if silence -= poll / second; silence < 0 && silence > -poll/second {
			for range rng.Int64N(100) {
				change()
				o.advance(rng.Int64N(60 * second))
				d.Observe(o.read())
				check()
			}
		}
		var f Facts
		f.Upper = Point{o.read(), o.truth + rng.Int64N(reach)*rng.Int64N(2)}
		o.advance(rng.Int64N(reach))
		f.Lower = Point{o.read(), o.truth - rng.Int64N(reach)*rng.Int64N(2)}
		source := 0
		if o.counter < parting {
			source = rng.IntN(2)
		}
		require.NoError(t, d.Add(source, f, 1, o.read()))
		require.NoError(t, byDrift.Add(source, f, 1, o.read()))
		require.EqualValues(t, 1, d.Epoch(), "seed %d history %d: %s", seed, history, d.LastDisruption().Reason)
		check()
		o.advance(rng.Int64N(poll))
		change()
		o.advance(rng.Int64N(poll))
		check()
	}
	return narrower
}

// A bound that was published a second before the hour is over holds afterwards too: by then the
// rate may have moved by twice the deviation from where it was when the bound was learned. The rate is 0
// until five seconds after a bucket was opened, then D, and 2D as soon as that has lasted an hour.
func TestADeviationGivesWayBeforeItsHourIsOver(t *testing.T) {
	const deviation = 40_000 // ppb
	const step, opened, begin = second, 600 * second, 605 * second
	const hour = int64(time.Hour)
	o := &oscillator{truth: truthAtZero}
	d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Stability: Stability{Deviation: deviation * 1e-9}, Voter: []int{0}})
	advance := func() {
		switch int64(o.counter) {
		case begin, begin + hour:
			o.ppb += deviation
		}
		o.advance(step)
	}
	for o.counter < monotonic.Instant(opened+hour-step) {
		advance()
		now := o.counter
		require.NoError(t, d.Add(0, Facts{Upper: Point{now, o.truth + 10}, Lower: Point{now, o.truth - 10}}, 1, now))
	}
	bounds, ok := d.Bounds()
	require.True(t, ok)
	for range 120 {
		advance()
		require.LessOrEqual(t, o.truth, bounds.At(o.counter).Hi, "after %v", o.counter.Sub(0))
	}
}
