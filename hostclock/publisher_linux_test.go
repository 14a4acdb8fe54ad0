package hostclock

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/durable"
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
		lock, err := durable.TryLock(other, 0o600)
		require.NoError(t, err)
		defer lock.Close()
		require.NoError(t, os.Rename(other, path+".lock"))
		require.NoError(t, os.Remove(path))
		require.ErrorIs(t, ended(t, p), ErrPublished)
	})
}
