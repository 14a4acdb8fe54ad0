package durable_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/durable"
)

// Each opening of a file locks for itself, also within a process, and the lock goes when it is closed.
func TestALockIsHeldOnceAndGoesWithItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	first, second := open(), open()
	locked, err := durable.TryLock(first)
	require.NoError(t, err)
	require.True(t, locked)
	locked, err = durable.TryLock(second)
	require.NoError(t, err)
	require.False(t, locked)
	require.NoError(t, first.Close())
	locked, err = durable.TryLock(second)
	require.NoError(t, err)
	require.True(t, locked)
	_, err = durable.TryLock(first)
	require.Error(t, err, "it is closed")
}

func TestADirectoryThatIsNotThereCannotBeSynced(t *testing.T) {
	require.NoError(t, durable.SyncDirectory(t.TempDir()))
	require.ErrorIs(t, durable.SyncDirectory(filepath.Join(t.TempDir(), "gone")), fs.ErrNotExist)
}
