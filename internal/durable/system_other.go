//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package durable

import (
	"errors"
	"os"
)

// ReplacesWhatIsRead: it is not known whether a file can be renamed over another that is open.
const ReplacesWhatIsRead = false

// openLock opens a file, and makes it if there is none.
func openLock(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) }

// tryLock refuses: a lock that is not known to work would let two in.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

// rename moves a file over another.
func rename(from, to string) error { return os.Rename(from, to) }

// whenFree does something to a file, whoever else has it open.
func whenFree(do func() error) error { return do() }

// SyncDirectory refuses.
func SyncDirectory(string) error { return errors.ErrUnsupported }
