package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// ReplacesWhatIsRead: a file cannot be renamed over another that is open.
const ReplacesWhatIsRead = false

// openLock opens a file, and makes it if there is none.
func openLock(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) }

// tryLock takes the lock of a file if nobody has it, in this process or another. It goes when the
// file is closed, and with the process.
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

// SyncDirectory only sees that the directory is there: Windows has no way to sync one without
// rights to the volume, and NTFS keeps a journal of its names.
func SyncDirectory(path string) error {
	_, err := os.Stat(path)
	return err
}
