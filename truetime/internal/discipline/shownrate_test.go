package discipline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/monotonic"
)

// Whatever constant rate the counter has, and whatever its ticks, delays and honest errors are: what the facts show contains
// it, with one liar of four. And nothing that the clock answers follows from that.
func TestTheRateThatVotersShowIsTheCountersOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ppm := rapid.Float64Range(-90_000, 90_000).Draw(t, "ppm")
		tick := rapid.SampledFrom([]int64{1, 100, 1e6}).Draw(t, "tick")
		voters := []int{0, 1, 2, 3}
		d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000), Resolution: tick}, Faulty: 1, Voter: voters})
		truth := int64(truthAtZero)
		read := func() monotonic.Instant {
			c := int64(float64(truth-truthAtZero) * (1 + ppm*1e-6))
			return monotonic.Instant(c / tick * tick)
		}
		few := rapid.Int64Range(0, 1e6)
		for range 60 {
			i := rapid.IntRange(0, 3).Draw(t, "source")
			truth += rapid.Int64Range(1, 30e9).Draw(t, "wait")
			up := Point{read(), truth + few.Draw(t, "above")}
			truth += few.Draw(t, "delay")
			f := Facts{Upper: up, Lower: Point{read(), truth - few.Draw(t, "below")}}
			if i == 3 {
				by := rapid.Int64Range(-1e12, 1e12).Draw(t, "lie")
				f.Upper.Time, f.Lower.Time = f.Upper.Time+by, f.Lower.Time+by
			}
			_ = d.Add(i, f, d.Epoch(), read())
			low, high, ok := d.ShownRate()
			if !ok {
				continue
			}
			require.LessOrEqual(t, low, ppm*1e-6)
			require.GreaterOrEqual(t, high, ppm*1e-6)
		}
	})
}

// Where no more than f voters have been heard, or the counter has been disrupted, nothing is said.
func TestARateThatNobodyShowsIsNotNamed(t *testing.T) {
	d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000), Resolution: 1}, Faulty: 1, Voter: []int{0, 1, 2, 3}})
	sample := func(i int, seconds int64) {
		now := monotonic.Instant(seconds * second)
		truth := seconds * 998_000_000
		_ = d.Add(i, Facts{Upper: Point{now, truth + 1e6}, Lower: Point{now, truth - 1e6}}, d.Epoch(), now)
	}
	for s := range int64(20) {
		sample(0, s)
	}
	require.Empty(t, d.CounterFault(), "one of four voters, and it may be the wrong one")
	for s := int64(20); s < 40; s++ {
		sample(int(s%4), s)
	}
	require.Contains(t, d.CounterFault(), "WithDrift(")
	require.NotContains(t, d.CounterFault(), "no drift")
	d.Disrupt(monotonic.Instant(41*second), Counter, "suspended")
	require.Empty(t, d.CounterFault(), "the counter has stood still")
}

// A refusal ends with the first poll after five minutes, whatever the polling interval, and though one of four is silent.
func TestACounterIsRefusedForFiveMinutesAndOnePoll(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 16 * time.Second, 256 * time.Second, time.Hour} {
		d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000), Resolution: 1}, Faulty: 1, Voter: []int{0, 1, 2, 3}})
		now, wrong := monotonic.Instant(0), int64(0)
		round := func(sources int) {
			for i := range sources {
				_ = d.Add(i, Facts{Upper: Point{now, int64(now) + wrong + 1e6}, Lower: Point{now, int64(now) + wrong - 1e6}}, d.Epoch(), now)
			}
		}
		for !d.CounterFaulty() {
			require.Less(t, now, monotonic.Instant(time.Hour))
			now, wrong = now.Add(time.Second), wrong+int64(time.Minute)
			round(4)
		}
		since := now
		for d.CounterFaulty() {
			require.Less(t, now.Sub(since), briefSpan+2*every, "polls every %v", every)
			now = now.Add(every)
			round(3)
		}
		require.GreaterOrEqual(t, now.Sub(since), briefSpan)
	}
}

// One liar cannot end the refusal.
func TestOneVoterDoesNotConfirmAnEpoch(t *testing.T) {
	d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000), Resolution: 1}, Faulty: 1, Voter: []int{0, 1, 2}})
	now, wrong := monotonic.Instant(0), int64(0)
	add := func(i int) {
		_ = d.Add(i, Facts{Upper: Point{now, int64(now) + wrong + 1e6}, Lower: Point{now, int64(now) + wrong - 1e6}}, d.Epoch(), now)
	}
	for !d.CounterFaulty() {
		now, wrong = now.Add(time.Second), wrong+int64(time.Minute)
		add(0)
		add(1)
		add(2)
	}
	add(0)
	add(1)
	add(2)
	for range 100 {
		now = now.Add(time.Minute)
		add(0)
		require.True(t, d.CounterFaulty())
	}
	add(1)
	require.False(t, d.CounterFaulty())
}
