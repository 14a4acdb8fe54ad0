package discipline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

const (
	ms     = int64(time.Millisecond)
	second = int64(time.Second)

	// truthAtZero is true time when the counter of these tests reads 0; both then run at one rate.
	truthAtZero = 1_000_000 * second
)

// network is a discipline with a counter that keeps true time, so that the truth is easy to see.
type network struct {
	*Discipline
	t *testing.T
}

func newNetwork(t *testing.T, faulty int, voter ...int) *network {
	return &network{New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: faulty, Voter: voter}), t}
}

func truth(at monotonic.Instant) int64 { return truthAtZero + int64(at) }

// exchange is a sample of a source that is wrong by offset, took 2 ms and claims ±1 ms.
func exchange(at monotonic.Instant, offset int64) Facts {
	sent, stamp := at-monotonic.Instant(2*ms), truth(at)-ms+offset
	return Facts{Upper: Point{sent, stamp + ms}, Lower: Point{at, stamp - ms}}
}

func (n *network) sample(source int, at monotonic.Instant, offset int64) {
	n.t.Helper()
	require.NoError(n.t, n.Add(source, exchange(at, offset), n.Epoch(), at))
}

func (n *network) requireTruthWithin(at monotonic.Instant) agreement.Interval {
	n.t.Helper()
	bounds, ok := n.Bounds()
	require.True(n.t, ok, "there is no answer")
	i := bounds.At(at)
	require.True(n.t, i.Bounded())
	require.LessOrEqual(n.t, i.Lo, truth(at))
	require.GreaterOrEqual(n.t, i.Hi, truth(at))
	return i
}

func (n *network) requireNoAnswer() {
	n.t.Helper()
	_, ok := n.Bounds()
	require.False(n.t, ok)
}

func at(seconds float64) monotonic.Instant { return monotonic.Instant(seconds * float64(second)) }

// seenAtItsEnd is what an exchange says at c4: with δ = 2 ms, E = 1 ms and ρ' = 200.04 ppm it is
// [T3 − E, T2 + E + (c4−c1)(1+ρ')], rounded up once.
func seenAtItsEnd(end monotonic.Instant) agreement.Interval {
	return agreement.Interval{Lo: truth(end) - 2*ms, Hi: truth(end) + 2*ms + 401}
}

func (n *network) verdicts() (v []Verdict) {
	for i := range n.sources {
		v = append(v, n.Verdict(i))
	}
	return v
}
