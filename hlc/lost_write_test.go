package hlc_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

// A register that is replicated by last-write-wins keeps, of two values, the one with the greater
// timestamp.
type write[T cmp.Ordered] struct {
	at    T
	value string
}

// merge is what every replica does when it hears of a write, in whatever order it hears of them.
func merge[T cmp.Ordered](writes ...write[T]) string {
	var kept write[T]
	for _, w := range writes {
		if w.at > kept.at {
			kept = w
		}
	}
	return kept.value
}

// A client writes x through a node whose clock is 40 ms fast and gets an answer. It then writes y
// through a node whose clock is right, and gets an answer. Stamped by the nodes' wall clocks, the
// second write has the smaller timestamp: every replica throws it away, though it was acknowledged,
// and nobody is told.
func TestDemonstrationLastWriteWinsByWallClockLosesAnAcknowledgedWrite(t *testing.T) {
	const fast, right = 40 * time.Millisecond, 0
	truth := start.Std()
	first := write[int64]{truth.Add(fast).UnixNano(), "x"}
	truth = truth.Add(10 * time.Millisecond) // the client has its answer and goes on
	second := write[int64]{truth.Add(right).UnixNano(), "y"}

	require.Equal(t, "x", merge(first, second), "y was acknowledged after x and is lost")
}

// The same client, the same clocks, each of which knows how wrong it may be. The answer to the
// first write carries its timestamp, the second request carries it on, and the second node merges
// it before it stamps the write.
func TestDemonstrationLastWriteWinsByHLCKeepsTheAcknowledgedWrite(t *testing.T) {
	const fast, epsilon = 40 * time.Millisecond, 50 * time.Millisecond
	fastNode := newClock(t, at(start.Add(fast), epsilon)) // the truth is in its interval, off the middle
	source := at(start, epsilon)
	rightNode := newClock(t, source)

	stamp, err := fastNode.Now()
	require.NoError(t, err)
	first := write[hlc.Timestamp]{stamp, "x"}
	truth := start.Add(10 * time.Millisecond)
	source.set(truth.Add(-epsilon), truth.Add(epsilon))
	stamp, err = rightNode.Update(first.at, "the client, for the fast node")
	require.NoError(t, err)
	second := write[hlc.Timestamp]{stamp, "y"}

	require.Equal(t, "y", merge(first, second))
	require.Equal(t, "y", merge(second, first), "in whatever order")
}

// Where nothing carries the timestamp from one node to the other, the interval itself must: the
// first node answers only when its timestamp has passed everywhere (commit-wait).
func TestDemonstrationLastWriteWinsByHLCAndCommitWaitNeedsNoMessage(t *testing.T) {
	const epsilon = 50 * time.Millisecond
	source, truth := &manual{}, start
	source.set(truth.Add(-epsilon).Add(40*time.Millisecond), truth.Add(epsilon).Add(40*time.Millisecond))
	stamp, err := newClock(t, source).Now()
	require.NoError(t, err)
	first := write[hlc.Timestamp]{stamp, "x"}
	for ; !interval(t, source).After(stamp.Time()); truth = truth.Add(time.Millisecond) {
		source.set(truth.Add(-epsilon).Add(40*time.Millisecond), truth.Add(epsilon).Add(40*time.Millisecond))
	}

	stamp, err = newClock(t, at(truth, 0)).Now() // another node, which has heard of nothing
	require.NoError(t, err)
	second := write[hlc.Timestamp]{stamp, "y"}
	require.Equal(t, "y", merge(first, second))
}

func interval(t *testing.T, source truetime.Reader) truetime.Interval {
	t.Helper()
	i, err := source.Now()
	require.NoError(t, err)
	return i
}
