package discipline

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOldLieAgesOut(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	for i := range 3 {
		n.sample(i, at(1), 0)
	}
	// Over the length of the window the counter may drift by 240 ms, so a step of 900 ms contradicts
	// what the source said then. It is no longer remembered, and only what is remembered convicts.
	window := float64(windowBuckets) * bucketSpan.Seconds()
	n.sample(0, at(window+2), 900*ms)
	require.Equal(t, Falseticker, n.Verdict(0), "wrong, but it contradicts nothing it said within memory")
}

func TestWindowKeepsTheBestFactOfEachBucket(t *testing.T) {
	d := &motion{CounterSpec: CounterSpec{Drift: NewDrift(200_000)}}
	var w window
	best := exchange(at(1), 0)
	w.insert(best, d)
	for s := 1.001; s < 2; s += 0.001 {
		worse := exchange(at(s), 0)
		worse.Upper.Time += 10 * ms
		worse.Lower.Time -= 10 * ms
		w.insert(worse, d)
	}
	require.Equal(t, 1, w.filled)
	require.Equal(t, best.Upper, w.buckets[0].upper)
	require.Equal(t, best.Lower, w.buckets[0].lower)

	for minutes := 1.0; minutes < 60; minutes++ {
		w.age(at(60 * minutes))
		w.insert(exchange(at(60*minutes), 0), d)
		require.LessOrEqual(t, w.filled, windowBuckets)
	}
	require.GreaterOrEqual(t, int64(w.buckets[0].from), int64(at(60*59-windowBuckets*300)))
}
