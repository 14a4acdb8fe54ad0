package durable_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/durable"
)

// Each attempt locks for itself, also within a process, and the lock goes when it is closed.
func TestALockIsHeldOnceAndGoesWithItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := durable.TryLock(path)
	require.NoError(t, err)
	require.NoError(t, first.Held())
	_, err = durable.TryLock(path)
	require.ErrorIs(t, err, durable.ErrLocked)
	require.ErrorContains(t, err, path)
	require.NoError(t, first.Close())
	second, err := durable.TryLock(path)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

func TestALockWhoseFileWasRemovedOrReplacedIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := durable.TryLock(path)
	require.NoError(t, err)
	defer first.Close()
	if err := os.Remove(path); err != nil {
		t.Skipf("this system does not remove a file that is open: %v", err)
	}
	require.ErrorIs(t, first.Held(), fs.ErrNotExist)
	second, err := durable.TryLock(path)
	require.NoError(t, err)
	defer second.Close()
	require.ErrorIs(t, first.Held(), durable.ErrLocked)
	require.NoError(t, second.Held())
}

func TestADirectoryThatIsNotThereCannotBeSynced(t *testing.T) {
	require.NoError(t, durable.SyncDirectory(t.TempDir()))
	require.ErrorIs(t, durable.SyncDirectory(filepath.Join(t.TempDir(), "gone")), fs.ErrNotExist)
	_, err := durable.TryLock(filepath.Join(t.TempDir(), "gone", "lock"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
