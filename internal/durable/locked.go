package durable

import "os"

// InPlace reports whether a file that is open is still the one at its path: if somebody has removed or
// replaced it, a lock of it keeps nobody out. The error wraps fs.ErrNotExist if there is none at that path.
func InPlace(file *os.File) (bool, error) {
	open, err := file.Stat()
	if err != nil {
		return false, err
	}
	present, err := os.Stat(file.Name())
	if err != nil {
		return false, err
	}
	return os.SameFile(open, present), nil
}
