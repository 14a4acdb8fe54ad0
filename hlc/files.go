package hlc

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/epsilontime/epsilon/internal/durable"
)

// osFiles is the operating system's file system.
type osFiles struct{}

func (osFiles) read(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)))
}

func (osFiles) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err // and not a nil pointer in an interface
	}
	return f, nil
}

func (osFiles) rename(from, to string) error { return os.Rename(from, to) }

func (osFiles) syncDir(path string) error { return durable.SyncDirectory(path) }

// lockFile locks the file of that path until it is closed or the process ends. The file is not the
// bound's own, which every Save replaces, and it stays: to remove it would let two hold it at once.
func lockFile(path string) (lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := durable.TryLock(f)
	switch {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	case !locked:
		return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrInUse), f.Close())
	}
	return fileLock{f}, nil
}

// fileLock is a locked file.
type fileLock struct{ *os.File }

// held returns an error if the file that is locked is no longer the one at its path.
func (l fileLock) held() error {
	inPlace, err := durable.InPlace(l.File)
	if err == nil && !inPlace {
		err = fmt.Errorf("%s was replaced: %w", l.Name(), ErrInUse)
	}
	return err
}
