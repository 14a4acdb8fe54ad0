package hlc

import (
	"io"
	"os"
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
