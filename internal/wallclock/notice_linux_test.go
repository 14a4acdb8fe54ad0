package wallclock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/wallclock"
)

func TestNoticeEndsWhenItIsClosed(t *testing.T) {
	n, err := wallclock.NewNotice()
	require.NoError(t, err)
	told := make(chan bool)
	go func() { told <- n.Wait() }()
	require.NoError(t, n.Close())
	require.False(t, <-told)
	require.False(t, n.Wait())
}

func TestNoticeTellsEachTimeThatTheClockWasSet(t *testing.T) {
	testbed.MaySetTime(t)
	n, err := wallclock.NewNotice()
	require.NoError(t, err)
	defer n.Close()
	for range 20 {
		testbed.StepRealtime(t, time.Millisecond)
		require.True(t, n.Wait())
		testbed.StepRealtime(t, -time.Millisecond)
		require.True(t, n.Wait())
	}
}
