package wallclock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/wallclock"
)

// All watches stand on one timer, which tells once that the clock was set. So whoever asks first
// must not take that from the others; and what was before a watch is not its business.
func TestEveryWatchSeesThatTheClockWasSet(t *testing.T) {
	testbed.MaySetTime(t)
	const by = time.Millisecond
	watch := func() wallclock.Watch {
		w, err := wallclock.NewWatch()
		require.NoError(t, err)
		return w
	}
	for range 100 {
		first, second := watch(), watch()
		require.False(t, first.WasSet())
		testbed.StepRealtime(t, by)
		between := watch() // it has to take the news from the timer, for itself
		require.False(t, between.WasSet())
		require.True(t, second.WasSet())
		require.True(t, first.WasSet())
		require.True(t, first.WasSet(), "and goes on to")
		testbed.StepRealtime(t, -by)
		require.True(t, between.WasSet())
		testbed.StepRealtime(t, by)
		testbed.StepRealtime(t, -by)
		require.False(t, watch().WasSet(), "steps that undo each other are over")
		require.True(t, between.WasSet())
	}
}

func TestWatchOfAClockThatNobodySetsSeesNothing(t *testing.T) {
	w, err := wallclock.NewWatch()
	require.NoError(t, err)
	for range 1000 {
		require.False(t, w.WasSet())
	}
}

func TestWatchThatWasNeverBegunTrustsNothing(t *testing.T) {
	_, err := wallclock.NewWatch()
	require.NoError(t, err)
	require.True(t, wallclock.Watch{}.WasSet())
}
