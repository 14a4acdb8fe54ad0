package perclock

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

func TestWhatIsRememberedOfACounterIsOfThatCounterAlone(t *testing.T) {
	var m Memory[int]
	counters := make([]monotonic.Manual, 3)
	for round := range 5 {
		for i := range counters {
			n := m.Of(&counters[i])
			require.Equal(t, round*(i+1), *n)
			*n += i + 1
		}
	}
}

func TestMemoryIsBoundedAndForgetsTheCounterUsedLongestAgo(t *testing.T) {
	var m Memory[int]
	counters := make([]monotonic.Manual, maxCounters+1)
	remembers := func(i int) (was bool) {
		n := m.Of(&counters[i])
		was, *n = *n == 1, 1
		return was
	}
	for i := range maxCounters {
		require.False(t, remembers(i))
	}
	require.True(t, remembers(0))
	require.False(t, remembers(maxCounters))
	require.True(t, remembers(0))
	require.False(t, remembers(1))
	require.Len(t, m.all, maxCounters)
}

// reading is a counter that cannot be compared.
type reading func() monotonic.Instant

func (r reading) Now() monotonic.Instant { return r() }

// byValue can be, and is the same counter if it is equal.
type byValue int64

func (v byValue) Now() monotonic.Instant { return monotonic.Instant(v) }

func TestCountersThatCannotBeComparedAreNewEachTime(t *testing.T) {
	var m Memory[int]
	first := reading(func() monotonic.Instant { return 1 })
	for _, c := range []struct {
		counter    monotonic.Counter
		comparable bool
	}{{first, false}, {byValue(1), true}, {nil, true}} {
		require.Equal(t, c.comparable, Comparable(c.counter))
		for round := range 2 {
			n := m.Of(c.counter)
			require.Equal(t, c.comparable && round > 0, *n == 1)
			*n = 1
		}
	}
}

func TestTurnIsOnesAtATimeAndTheWaitForItCanBeEnded(t *testing.T) {
	var turn Turn
	var all sync.WaitGroup
	n := 0
	for range 8 {
		all.Go(func() {
			for range 100 {
				if turn.Take(t.Context()) != nil {
					return
				}
				n++
				turn.Leave()
			}
		})
	}
	all.Wait()
	require.Equal(t, 800, n)
	require.NoError(t, turn.Take(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, turn.Take(ctx), context.Canceled)
	turn.Leave()
	require.NoError(t, turn.Take(t.Context()))
}
