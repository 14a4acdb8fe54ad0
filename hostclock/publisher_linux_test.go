package hostclock

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/durable"
	"github.com/epsilontime/epsilon/internal/testing/wallclocksource"
	"github.com/epsilontime/epsilon/truetime"
)

// Who loses its place ends with an error that says so, and with nothing worse.
func TestAPublisherWhosePlaceIsTakenAwayEndsWithAnError(t *testing.T) {
	ended := func(t *testing.T, p *Publisher) error {
		require.Eventually(t, func() bool { return p.Err() != nil }, time.Minute, time.Millisecond)
		require.NoError(t, p.Close())
		require.ErrorContains(t, p.Err(), p.path+" was taken away")
		return p.Err()
	}
	t.Run("the directory is gone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "epsilon", "clock")
		p := publish(t, startClock(t), path)
		require.NoError(t, os.Rename(filepath.Dir(path), filepath.Dir(path)+"2")) // at once: what is removed is made anew
		require.ErrorIs(t, ended(t, p), os.ErrNotExist)
	})
	t.Run("somebody else has it", func(t *testing.T) {
		path, other := clockPath(t), filepath.Join(t.TempDir(), "lock")
		p := publish(t, startClock(t), path)
		lock, err := durable.TryLock(other)
		require.NoError(t, err)
		defer lock.Close()
		require.NoError(t, os.Rename(other, path+".lock"))
		require.NoError(t, os.Remove(path))
		require.ErrorIs(t, ended(t, p), ErrPublished)
	})
}

// What a publisher leaves behind is of the epoch that the clock is in, though it had no time to publish that.
func TestAPublisherThatEndsLeavesNoAnswerOfAnEpochThatHasEnded(t *testing.T) {
	for _, closed := range []bool{false, true} {
		vm, setMarker := vmPage(t, 5)
		clock, err := truetime.New([]truetime.Source{wallclocksource.Source{}}, truetime.WithPoll(time.Second, time.Second), truetime.WithVMClock(vm))
		require.NoError(t, err)
		defer clock.Close()
		require.NoError(t, clock.WaitSynchronized(t.Context(), time.Second))
		p := &Publisher{clock: clock, path: clockPath(t)}
		require.NoError(t, p.begin())
		setMarker(6)
		require.Eventually(t, func() bool { return clock.Status().Epoch == 2 }, time.Minute, time.Millisecond)
		if closed {
			require.NoError(t, clock.Close())
		}
		p.finish()
		r, _, err := (&segment{mapping: p.mapped, header: p.header}).record()
		require.NoError(t, err)
		require.True(t, r.stopped)
		require.EqualValues(t, 2, r.Epoch)
		require.False(t, closed && r.Answers)
	}
}
