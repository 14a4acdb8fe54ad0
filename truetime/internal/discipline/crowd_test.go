package discipline

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// A hundred sources answer within a millisecond: the votes are counted once for all of them, and a
// sample that had to wait counts at the next look.
func TestSamplesOfACrowdAreGathered(t *testing.T) {
	voter := make([]int, 100)
	for i := range voter {
		voter[i] = i
	}
	n := &network{New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: 0, Voter: voter}), t}
	for i := range voter {
		n.sample(i, at(1)+monotonic.Instant(i), 0)
	}
	counted := n.agreed
	before := n.requireTruthWithin(at(2))

	narrow := exchange(at(1.9004), 0) // half as wide, from one source: with f = 0 it counts at once
	narrow.Upper.Time, narrow.Lower.Time = narrow.Upper.Time-ms, narrow.Lower.Time+ms
	n.sample(1, at(1.9), 0)
	require.NotEqual(t, counted, n.agreed, "the last count was long ago")
	counted = n.agreed
	require.NoError(t, n.Add(0, narrow, 1, at(1.9005)))
	require.Equal(t, counted, n.agreed, "half a millisecond ago")
	n.Observe(at(1.9009))
	require.Equal(t, counted, n.agreed)
	n.Observe(at(1.901))
	require.Equal(t, at(1.901), n.agreed)
	after := n.requireTruthWithin(at(2))
	require.Less(t, after.Hi-after.Lo, before.Hi-before.Lo)
}

func TestSamplesOfAFewCountAtOnce(t *testing.T) {
	voter := make([]int, crowd)
	for i := range voter {
		voter[i] = i
	}
	n := &network{New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: 0, Voter: voter}), t}
	for i := range voter {
		now := at(1) + monotonic.Instant(i)
		n.sample(i, now, 0)
		require.Equal(t, now, n.agreed)
	}
}
