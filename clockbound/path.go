package clockbound

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// DefaultPath is where the daemons of ClockBound 2 and 3 keep the segment of version 2.
const DefaultPath = "/var/run/clockbound/shm0"

// mistakeInPath is that of a path that no file can have. Whether there is one may change, and is seen
// when it is opened.
func mistakeInPath(what, path string) error {
	switch {
	case path == "":
		return fmt.Errorf("the path of the %s is empty", what)
	case strings.ContainsRune(path, 0):
		return fmt.Errorf("the path of the %s contains a NUL byte: %q", what, path)
	}
	return nil
}

// makeDirectoryOf makes the directory of a file, readable by everybody.
func makeDirectoryOf(path string) error { return os.MkdirAll(filepath.Dir(path), 0o755) }
