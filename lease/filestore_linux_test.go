package lease

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

// steadyClock is the host's.
type steadyClock struct{}

func (steadyClock) Now() (truetime.Interval, error) {
	now := truth()
	return truetime.Interval{Earliest: now, Latest: now}, nil
}

// In a real directory: it is gone, it is a file, nothing can be written in it.
func TestADirectoryThatCannotBeUsedIsToldAtOnce(t *testing.T) {
	for name, spoil := range map[string]func(directory string) error{
		"gone":   os.RemoveAll,
		"a file": func(d string) error { return errors.Join(os.RemoveAll(d), os.WriteFile(d, nil, 0o600)) },
		"a loop": func(d string) error { return errors.Join(os.RemoveAll(d), os.Symlink(d, d)) },
		"a directory where the lock should be": func(d string) error {
			return os.Mkdir((&FileStore{d}).path("job")+".lock", 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(t.TempDir(), "leases")
			require.NoError(t, os.Mkdir(directory, 0o700))
			store, err := OpenFileStore(directory)
			require.NoError(t, err)
			c, err := NewCandidate(steadyClock{}, store, "job", time.Minute, WithHolder("me"))
			require.NoError(t, err)
			require.NoError(t, spoil(directory))
			_, err = c.Acquire(t.Context()) // would wait for as long as the test may
			require.Error(t, err)
			require.True(t, permanent(err), err)
			require.ErrorContains(t, err, directory)
		})
	}
}

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
