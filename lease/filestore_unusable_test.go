package lease

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
			if _, err := os.Lstat(directory); name == "a loop" && err != nil {
				t.Skip(err) // wine's symbolic link is none
			}
			_, err = c.Acquire(t.Context()) // would wait for as long as the test may
			require.Error(t, err)
			require.True(t, permanent(err), err)
			require.ErrorContains(t, err, directory)
		})
	}
}
