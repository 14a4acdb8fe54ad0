//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/durable"
)

// flock(2) asks for no right but that to open: a lock that others may read is one that they may hold.
func TestOnlyTheOwnerOfALockCanOpenIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	for _, left := range []os.FileMode{0, 0o644, 0o666} { // by nobody, or by an older version
		if left != 0 {
			require.NoError(t, os.Chmod(path, left))
		}
		lock, err := durable.TryLock(path)
		require.NoError(t, err)
		require.NoError(t, lock.Close())
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestALinkIsNoLock(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
		dir := t.TempDir()
		victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "lock")
		require.NoError(t, os.WriteFile(victim, nil, 0o644))
		require.NoError(t, link(victim, path))
		_, err := durable.TryLock(path)
		require.ErrorContains(t, err, path, name)
		require.ErrorContains(t, err, "remove it", name)
		info, err := os.Stat(victim)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o644), info.Mode().Perm(), name)
	}
	path := filepath.Join(t.TempDir(), "lock")
	require.NoError(t, os.Symlink(path+"-made", path))
	_, err := durable.TryLock(path)
	require.Error(t, err)
	require.NoFileExists(t, path+"-made")
}

// Where others may write to the directory, the file that is written first could be a link to anybody's.
func TestALinkIsNotWrittenThrough(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
		dir := t.TempDir()
		victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "file")
		require.NoError(t, os.WriteFile(victim, []byte("of somebody else"), 0o600))
		require.NoError(t, link(victim, path+".new"))
		require.NoError(t, durable.Replace(path, []byte("data"), 0o600), name)
		left, err := os.ReadFile(victim)
		require.NoError(t, err)
		require.Equal(t, "of somebody else", string(left), name)
		written, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "data", string(written), name)
	}
}
