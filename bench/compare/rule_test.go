package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func interval(lo, hi truetime.Time) truetime.Interval {
	return truetime.Interval{Earliest: lo, Latest: hi}
}

// The counter-examples to the greatest overlap as a bound; the truth is 3 in the first, 5 in the others.
func TestMajorityIsSoundWhereOverlapIsNot(t *testing.T) {
	for _, c := range []struct {
		all               []truetime.Interval
		majority, overlap truetime.Interval
	}{
		{[]truetime.Interval{interval(0, 10), interval(0, 10), interval(9, 20)}, interval(0, 10), interval(9, 10)},
		{[]truetime.Interval{interval(0, 10), interval(1, 11), interval(5, 6)}, interval(1, 10), interval(5, 6)},
		{[]truetime.Interval{interval(0, 10), interval(0, 10), interval(0, 30), interval(20, 21), interval(20, 21)}, interval(0, 21), interval(0, 10)},
	} {
		m, ok := majority(c.all)
		require.True(t, ok)
		require.Equal(t, c.majority, m)
		o, ok := overlap(c.all)
		require.True(t, ok)
		require.Equal(t, c.overlap, o)
	}
}

func TestNoMajorityIsNoAnswer(t *testing.T) {
	apart := []truetime.Interval{interval(0, 1), interval(2, 3), interval(4, 5), interval(6, 7)}
	_, ok := majority(apart)
	require.False(t, ok)
	_, ok = overlap(apart)
	require.False(t, ok)
	_, ok = majority([]truetime.Interval{interval(0, 1), everything, everything, everything})
	require.False(t, ok, "the only one that has been heard may be wrong")
}

func TestGrowthIsRoundedUp(t *testing.T) {
	require.Zero(t, spanner.growth(0))
	require.Equal(t, 200_041*time.Nanosecond, spanner.growth(time.Second), "ρ/(1−ρ) of 200 ppm is 200.04 ppm")
	require.Equal(t, 50_003*time.Nanosecond, amazon.growth(time.Second))
}

// exchange is a sample of a server without error, with so much delay on either way, that ends when the
// counter reads at. The counter is right.
func exchange(at monotonic.Instant, delay time.Duration) truetime.Sample {
	middle := truetime.Time(at.Add(-delay))
	return truetime.Sample{Sent: at.Add(-2 * delay), Latest: middle, Received: at, Earliest: middle}
}

const ms = time.Millisecond

func epsOf(t *testing.T, r rule, at time.Duration) time.Duration {
	t.Helper()
	i, ok := r.at(monotonic.Instant(at))
	require.True(t, ok)
	require.True(t, i.Contains(truetime.Time(at)))
	return i.Uncertainty()
}

// A good sample at 1 s, a poor one at 2 s.
func feedGoodThenPoor(r rule) {
	r.take(0, exchange(monotonic.Instant(time.Second), ms))
	r.take(0, exchange(monotonic.Instant(2*time.Second), 10*ms))
}

func TestSawtoothGrowsAndRemembersNothing(t *testing.T) {
	r := newSawtooth(majority)(1)
	_, ok := r.at(0)
	require.False(t, ok)
	r.take(0, exchange(monotonic.Instant(time.Second), ms))
	start := epsOf(t, r, time.Second)
	require.InDelta(t, ms, start, 1000)
	require.InDelta(t, start+30*200_040, epsOf(t, r, 31*time.Second), 3)
	r.take(0, exchange(monotonic.Instant(2*time.Second), 10*ms))
	require.InDelta(t, 10*ms, epsOf(t, r, 2*time.Second), 10_000)
}

func TestRunningIntersectionRemembers(t *testing.T) {
	for _, r := range []rule{newRunning(1), newIM(1)} {
		feedGoodThenPoor(r)
		require.InDelta(t, ms+200_040, epsOf(t, r, 2*time.Second), 1000)
	}
}

func TestIMIgnoresWhatIsInconsistent(t *testing.T) {
	r := newIM(2)
	r.take(0, exchange(monotonic.Instant(time.Second), ms))
	before := epsOf(t, r, time.Second)
	wrong := exchange(monotonic.Instant(time.Second), ms)
	wrong.Latest, wrong.Earliest = wrong.Latest.Add(time.Hour), wrong.Earliest.Add(time.Hour)
	r.take(1, wrong)
	require.Equal(t, before, epsOf(t, r, time.Second))
}

func TestClockBoundFollowsTheBestSourceAndGrowsAtFifty(t *testing.T) {
	r := newClockBound(2)
	r.take(0, exchange(monotonic.Instant(time.Second), 10*ms))
	r.take(1, exchange(monotonic.Instant(time.Second), ms))
	require.InDelta(t, ms, epsOf(t, r, time.Second), 1000)
	require.InDelta(t, ms+10*50_003, epsOf(t, r, 11*time.Second), 1000)
}

func TestClockBoundWithoutAMajorityGoesOnWithWhatItHad(t *testing.T) {
	r := newClockBound(2)
	r.take(0, exchange(monotonic.Instant(time.Second), ms))
	wrong := exchange(monotonic.Instant(2*time.Second), ms/2)
	wrong.Latest, wrong.Earliest = wrong.Latest.Add(time.Hour), wrong.Earliest.Add(time.Hour)
	r.take(1, wrong)
	require.InDelta(t, ms+50_003, epsOf(t, r, 2*time.Second), 1000)
}

func TestSampleThatContradictsItselfIsNotTaken(t *testing.T) {
	for i, c := range contenders {
		if c.fed == nil {
			continue
		}
		r := c.fed(1)
		bad := exchange(monotonic.Instant(time.Second), ms)
		bad.Latest, bad.Earliest = bad.Latest.Add(-10*ms), bad.Earliest.Add(10*ms)
		r.take(0, bad)
		_, ok := r.at(bad.Received)
		require.False(t, ok, contenders[i].name)
	}
}

func TestSimplifiedKeepsCornersAndDropsWhatIsStraight(t *testing.T) {
	line := []point{{0, 0}, {1, 1}, {2, 2}, {3, 8}, {4, 2}, {5, 1}, {6, 0}}
	require.Equal(t, []point{{0, 0}, {2, 2}, {3, 8}, {4, 2}, {6, 0}}, simplified(line))
}
