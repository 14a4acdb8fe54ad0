//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package durable

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// ReplacesWhatIsRead: a file can be renamed over another that is open, whose reader goes on to see
// what it opened.
const ReplacesWhatIsRead = true

// openLock opens a file that nobody but its owner may open, and makes it if there is none.
func openLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is a link, and a lock is a file of its own: remove it", path)
	}
	if err != nil {
		return nil, err
	}
	if err := makePrivate(file); err != nil {
		return nil, mistakes.Join(err, file.Close())
	}
	return file, nil
}

// makePrivate takes rights away that an older version, or somebody else, has given to a lock.
func makePrivate(file *os.File) error {
	var s unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &s); err != nil {
		return err
	}
	if s.Mode&unix.S_IFMT != unix.S_IFREG || s.Nlink > 1 {
		return fmt.Errorf("%s has another name or is no regular file, and a lock is a file of its own: remove it", file.Name())
	}
	if s.Mode&0o077 == 0 {
		return nil
	}
	return file.Chmod(0o600)
}

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

// rename moves a file over another.
func rename(from, to string) error { return os.Rename(from, to) }

// whenFree does something to a file, whoever else has it open.
func whenFree(do func() error) error { return do() }

// SyncDirectory puts the names in a directory on the disk (fsync(2): syncing a file does not sync
// its entry). It is an error if the directory is not there.
func SyncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return mistakes.Join(d.Sync(), d.Close())
}
