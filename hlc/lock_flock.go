//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package hlc

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile locks the file of that path until it is closed or the process ends. The file is not the
// bound's own, which every Save replaces, and it stays: to remove it would let two hold it at once.
func lockFile(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrInUse
	}
	return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
}
