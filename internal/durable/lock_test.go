package durable_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
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

// linked skips the test where this user may make no link. On Windows that takes a privilege, and wine's symbolic link is none.
func linked(t *testing.T, path string, err error) {
	t.Helper()
	if _, missing := os.Lstat(path); runtime.GOOS == "windows" && (err != nil || missing != nil) {
		t.Skipf("there is no link: %v: %v", err, missing)
	}
	require.NoError(t, err)
}

func TestALinkIsNoLock(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "lock")
			require.NoError(t, os.WriteFile(victim, nil, 0o644))
			linked(t, path, link(victim, path))
			before, err := os.Stat(victim)
			require.NoError(t, err)
			_, err = durable.TryLock(path)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, "remove it")
			info, err := os.Stat(victim)
			require.NoError(t, err)
			require.Equal(t, before.Mode(), info.Mode())
		})
	}
	path := filepath.Join(t.TempDir(), "lock")
	linked(t, path, os.Symlink(path+"-made", path))
	_, err := durable.TryLock(path)
	require.Error(t, err)
	require.NoFileExists(t, path+"-made")
}

// Where others may write to the directory, the file that is written first could be a link to anybody's.
func TestALinkIsNotWrittenThrough(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "file")
			require.NoError(t, os.WriteFile(victim, []byte("of somebody else"), 0o600))
			linked(t, path+".new", link(victim, path+".new"))
			require.NoError(t, durable.Replace(path, []byte("data"), 0o600))
			left, err := os.ReadFile(victim)
			require.NoError(t, err)
			require.Equal(t, "of somebody else", string(left))
			written, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "data", string(written))
		})
	}
}
