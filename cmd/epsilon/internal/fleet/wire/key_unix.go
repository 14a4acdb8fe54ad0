//go:build unix

package wire

import (
	"fmt"
	"io/fs"
)

// private says what is wrong with who may use a file.
func private(path string, info fs.FileInfo) error {
	const others, groupWrite = 0o007, 0o020
	if mode := info.Mode().Perm(); mode&(others|groupWrite) != 0 {
		return fmt.Errorf("%s has the mode %04o, by which others may use the key: chmod 0640 %[1]s, and let the daemon's user or group own it", path, mode)
	}
	return nil
}
