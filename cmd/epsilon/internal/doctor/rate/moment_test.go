package rate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// A counter of constant rate is read before and after each answer, in ticks, and the answers are anywhere around
// true time: what two of them prove contains the rate, and what three prove of the wander contains 0.
func TestMomentsProveTheRateWhateverTheReadings(t *testing.T) {
	const seed, start = 7, 1_800_000_000_000_000_000
	rng := rand.New(rand.NewPCG(seed, seed))
	pause := func() int64 { return rng.Int64N(2) * rng.Int64N(1e9) } // the caller is stopped, or is not
	for range 20_000 {
		ppm := float64(rng.IntN(2*AssumedDriftPPM+1) - AssumedDriftPPM)
		tick, wide := 1+rng.Int64N(100_000), 1+rng.Int64N(1000)
		counter := func(truth int64) monotonic.Instant { // of nanoseconds since start
			return monotonic.Instant((truth + int64(math.Floor(float64(truth)*ppm*1e-6))) / tick * tick)
		}
		var all []moment
		truth := rng.Int64N(1e12)
		for range 3 {
			before := counter(truth)
			truth += pause()
			asked := truth
			truth += pause()
			all = append(all, momentOf(before, counter(truth), time.Duration(tick), start+asked-rng.Int64N(wide), start+asked+rng.Int64N(wide), AssumedDriftPPM))
			truth += 1 + rng.Int64N(1e12)
		}
		is := ppm
		for _, i := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
			bounds, ok := meanRate(all[i[0]], all[i[1]])
			if !ok {
				continue
			}
			// The counter is rounded to a nanosecond and down to a tick at both ends.
			slack := float64(2) / float64(all[i[1]].at-all[i[0]].at) * 1e6
			require.True(t, bounds.low-slack <= is && is <= bounds.high+slack, "seed %d: %v ppm is not in %v, of %v", seed, is, bounds, all)
		}
		if least, most, ok := wander(all[0], all[1], all[2]); ok {
			require.Zero(t, least, "seed %d: %v", seed, all)
			require.GreaterOrEqual(t, most, 0.0)
		}
	}
}

func TestTwoAnswersThatMayBeOneMomentProveNoRate(t *testing.T) {
	_, ok := meanRate(moment{0, 0, 10}, moment{5, 5, 20})
	require.False(t, ok, "no time may have passed")
	_, ok = meanRate(moment{5, 0, 10}, moment{5, 50, 60})
	require.False(t, ok, "the counter stands still")
	i, ok := meanRate(moment{0, -1e3, 1e3}, moment{1e9, 1e9 - 1e3, 1e9 + 1e3})
	require.True(t, ok)
	require.InDelta(t, -2, i.low, 1e-4)
	require.InDelta(t, 2, i.high, 1e-4)
}

// By hand: 0 ppm for 100 s, and then 10 ppm for 100 s. Centres that are 100 s apart make it 100 ppb/s.
func TestWanderIsTheChangeOverTheDistanceOfTheCentres(t *testing.T) {
	const second = 1_000_000_000
	p, q := moment{0, 0, 0}, moment{100 * second, 100 * second, 100 * second}
	r := moment{200*second + 1_000_000, 200 * second, 200 * second}
	least, most, ok := wander(p, q, r)
	require.True(t, ok)
	require.InDelta(t, 100, least, 1e-3)
	require.InDelta(t, 100, most, 1e-3)
	require.LessOrEqual(t, least, most)
}
