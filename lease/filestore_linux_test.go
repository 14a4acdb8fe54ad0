package lease

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
)

// Another user may look, and is told at once that it cannot compete. A look leaves nothing behind
// that would be in the way of others: a lock made by root could not be opened by them.
func TestTheRightToReadIsEnoughToLook(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "leases")
	require.NoError(t, os.Mkdir(directory, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(directory), 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(filepath.Dir(directory)), 0o755))
	store, err := OpenFileStore(directory)
	require.NoError(t, err)
	r, state, err := Look(t.Context(), steadyClock{}, store, "job")
	require.NoError(t, err)
	require.Equal(t, Record{}, r)
	require.Equal(t, Expired, state)
	left, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Empty(t, left)

	c, err := NewCandidate(steadyClock{}, store, "job", time.Minute, WithHolder("me"))
	require.NoError(t, err)
	held, err := c.TryAcquire(t.Context())
	require.NoError(t, err)
	defer held.Close()
	other, err := NewCandidate(steadyClock{}, store, "other", time.Minute, WithHolder("me"))
	require.NoError(t, err)
	testbed.AsNobody(t, func() {
		r, state, err := Look(t.Context(), steadyClock{}, store, "job")
		require.NoError(t, err)
		require.Equal(t, "me", r.Holder)
		require.Equal(t, Held, state)
		_, err = c.TryAcquire(t.Context())
		require.ErrorIs(t, err, ErrTaken)
		_, err = other.Acquire(t.Context()) // would wait for as long as the test may
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, directory)
		require.ErrorContains(t, err, "as one user")
	})
}
