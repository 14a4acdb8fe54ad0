package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// Replace makes data the content of the file at path, and returns once that survives a crash of the
// machine. After a crash at any moment, and after an error, the file has the content of before or
// data. It writes another file first, which is named path+".new" and may be left behind. So only
// one Replace of a path may run at a time.
func Replace(path string, data []byte, mode os.FileMode) error {
	return replace(system{}, path, data, mode)
}

// files is what Replace does to files, so that a test can crash between two steps.
type files interface {
	create(path string, mode os.FileMode) (file, error) // empty
	rename(from, to string) error
	syncDirectory(path string) error
}

type file interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}

func replace(fs files, path string, data []byte, mode os.FileMode) error {
	fresh := path + ".new"
	if err := write(fs, fresh, data, mode); err != nil {
		return err
	}
	if err := fs.rename(fresh, path); err != nil {
		return err
	}
	return fs.syncDirectory(filepath.Dir(path))
}

func write(fs files, path string, data []byte, mode os.FileMode) error {
	f, err := fs.create(path, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync() // before the rename, or the new name could lead to nothing
	}
	return mistakes.Join(err, f.Close())
}

// system is the files of the operating system.
type system struct{}

// create makes a file of its own: what an earlier Replace has left, or a link that somebody has put there, is
// taken away and not written to.
func (system) create(path string, mode os.FileMode) (file, error) {
	var f *os.File
	err := whenFree(func() (err error) {
		if err = os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		return err
	})
	if err != nil {
		return nil, err // and not a nil pointer in an interface
	}
	return f, nil
}

func (system) rename(from, to string) error {
	return whenFree(func() error { return rename(from, to) })
}

func (system) syncDirectory(path string) error { return SyncDirectory(path) }
