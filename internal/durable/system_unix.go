//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// ReplacesWhatIsRead: a file can be renamed over another that is open, whose reader goes on to see
// what it opened.
const ReplacesWhatIsRead = true

// tryLock takes the lock of a file if nobody has it, in this process or another. It goes when the
// file is closed, and with the process.
func tryLock(file *os.File) (bool, error) {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return false, err
		}
	}
}

// SyncDirectory puts the names in a directory on the disk (fsync(2): syncing a file does not sync
// its entry). It is an error if the directory is not there.
func SyncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return mistakes.Join(d.Sync(), d.Close())
}
