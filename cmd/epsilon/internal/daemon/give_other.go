//go:build !linux

package daemon

import (
	"errors"
	"io/fs"
	"os"
)

// give makes the identity the owner of a file, a socket or a directory; one that is not there is left out.
func (i *identity) give(path string) error {
	if err := os.Lchown(path, i.uid, i.gid); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
