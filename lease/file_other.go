//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package lease

import (
	"errors"
	"os"
)

// tryLock refuses: a lock that is not known to work would hand the lease to two.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

func syncDirectory(string) error { return errors.ErrUnsupported }
