package lease

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes the lock of file if nobody has it. It goes when file is closed.
func tryLock(file *os.File) (bool, error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return false, nil
	}
	return false, err
}

// syncDirectory does nothing: Windows has no such call, and NTFS journals its names.
func syncDirectory(string) error { return nil }
