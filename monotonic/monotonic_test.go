package monotonic_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

func TestSystemCounterNeverGoesBackOnAnyGoroutine(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := counter.Now()
			for range 20_000 {
				now := counter.Now()
				if now.Before(last) {
					t.Errorf("counter went back from %d to %d", last, now)
					return
				}
				last = now
			}
		})
	}
	wg.Wait()
	require.Positive(t, counter.Now())
}

func TestSystemCounterDoesNotAllocate(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { counter.Now() }))
}

func TestManualReadsWhatWasSet(t *testing.T) {
	var m monotonic.Manual
	require.Equal(t, monotonic.Instant(0), m.Now())
	require.Equal(t, monotonic.Instant(5e9), m.Advance(5*time.Second))
	m.Set(3)
	require.Equal(t, monotonic.Instant(3), m.Now(), "a test may set it back")
}

func TestInstantArithmetic(t *testing.T) {
	a := monotonic.Instant(1_000)
	b := a.Add(500 * time.Nanosecond)
	require.Equal(t, 500*time.Nanosecond, b.Sub(a))
	require.True(t, a.Before(b) && b.After(a))
	require.False(t, a.Before(a) || a.After(a))
}
