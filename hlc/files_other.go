//go:build !windows

package hlc

import (
	"errors"
	"os"
)

// syncDir makes the renames in a directory durable (fsync(2): syncing a file does not sync the entry
// in its directory).
func (osFiles) syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
