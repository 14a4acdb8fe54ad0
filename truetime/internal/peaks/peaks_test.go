package peaks

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/histogram"
	"github.com/epsilontime/epsilon/monotonic"
)

// No window's peak is missed, whatever has been forgotten to save memory.
func TestPeakIsTheLargestInItsWindow(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		falling := seed%4 == 0 // the most that has to be remembered
		var p Peaks
		var all []end
		var now monotonic.Instant
		var counted uint64
		for step := range 3000 {
			now += monotonic.Instant(r.Int64N(int64(3 * time.Second)))
			value := time.Duration(r.Int64N(int64(10 * time.Millisecond)))
			switch {
			case falling:
				value = time.Duration(1e9 - int64(step)*1e5)
			case r.IntN(50) == 0:
				value = None
			}
			p.Ended(now, value)
			all = append(all, end{now, value})
			if step%10 > 0 {
				continue
			}
			window, current := time.Duration(r.Int64N(int64(Memory))), time.Duration(r.Int64N(1e6))
			want := current
			for _, e := range all {
				if now.Sub(e.at) <= window {
					want = max(want, e.value)
				}
			}
			got := p.Peak(now, current, window)
			require.GreaterOrEqual(t, got, want, "seed %d, step %d, window %v", seed, step, window)
			if !falling {
				require.Equal(t, want, got, "seed %d, step %d, window %v", seed, step, window)
			}
			require.LessOrEqual(t, len(p.ends), capacity)
		}
		counts, _ := p.Distribution()
		for _, n := range counts {
			counted += n
		}
		require.EqualValues(t, int64(now)/int64(time.Second)-int64(all[0].at)/int64(time.Second), counted, "one of each second, seed %d", seed)
	}
}

func TestSecondsAreCountedByTheirLargest(t *testing.T) {
	const ms, second = time.Millisecond, monotonic.Instant(time.Second)
	var p Peaks
	p.Ended(0, ms)
	p.Ended(second/2, 3*ms)
	p.Ended(second*3/2, 4*ms) // it was growing in the first second, and so was no larger there
	p.Ended(second*8/4, None)
	p.Ended(second*11/4, ms)
	p.Ended(second*5, ms) // three seconds later
	counts, sum := p.Distribution()
	got := map[time.Duration]uint64{}
	for i, n := range counts {
		switch {
		case n > 0 && i < histogram.Buckets-1:
			got[histogram.Bounds()[i]] = n
		case n > 0:
			got[None] = n
		}
	}
	require.Equal(t, map[time.Duration]uint64{5 * ms: 1, None: 4}, got)
	require.Equal(t, 4*ms, sum)
}

func TestACounterThatGoesBackHidesNothing(t *testing.T) {
	var p Peaks
	p.Ended(monotonic.Instant(time.Hour), None)
	p.Ended(monotonic.Instant(time.Minute), time.Millisecond)
	require.Equal(t, None, p.Peak(monotonic.Instant(time.Minute), 1, 0))
	require.Equal(t, None, p.Peak(monotonic.Instant(time.Hour+time.Second), 1, time.Minute))
	require.Equal(t, time.Duration(1), p.Peak(monotonic.Instant(time.Hour+2*time.Minute), 1, time.Minute))
}
