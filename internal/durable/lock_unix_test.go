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
