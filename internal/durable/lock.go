package durable

import (
	"errors"
	"fmt"
	"os"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// ErrLocked: somebody else has the lock.
var ErrLocked = errors.New("locked by somebody else")

// Lock is a file that is locked until it is closed or the process ends. The file stays: to remove
// it would let two have the lock at once.
type Lock struct{ file *os.File }

// TryLock makes the file at path, if need be, and locks it. The error wraps [ErrLocked] if somebody
// else has it, in this process or another. The file should have no other use, as one that is
// replaced is no longer the one locked.
//
// Only its owner may open the file: whoever can open a file can lock it, also if they may only read it
// (flock(2)), and so keep its owner away. A link is refused, as it could lead to anybody's file.
func TryLock(path string) (*Lock, error) {
	file, err := openLock(path)
	if err != nil {
		return nil, err
	}
	l := &Lock{file}
	locked, err := tryLock(file)
	switch {
	case err != nil:
		err = fmt.Errorf("%s: %w", path, err)
	case !locked:
		err = fmt.Errorf("%s: %w", path, ErrLocked)
	default:
		err = l.Held()
		if errors.Is(err, os.ErrNotExist) { // removed since it was opened, by somebody who is about to make another
			err = fmt.Errorf("%s: %w", path, ErrLocked)
		}
	}
	if err != nil {
		return nil, mistakes.Join(err, file.Close())
	}
	return l, nil
}

// Held returns an error if the locked file is no longer the one at its path, so that others could
// lock theirs. It wraps [ErrLocked] if there is another one, and os.ErrNotExist if there is none.
func (l *Lock) Held() error {
	locked, err := l.file.Stat()
	if err != nil {
		return err
	}
	present, err := os.Stat(l.file.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(locked, present) {
		return fmt.Errorf("%s was replaced: %w", l.file.Name(), ErrLocked)
	}
	return nil
}

// Close lets go of the lock.
func (l *Lock) Close() error { return l.file.Close() }
