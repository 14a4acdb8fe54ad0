package durable

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/windows"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// ReplacesWhatIsRead: a file cannot be renamed over another that is open, unless whoever opened it
// allowed that.
const ReplacesWhatIsRead = false

// openLock opens a file, and makes it if there is none. Who else may open it is decided by the
// access control list that it inherits from its directory.
func openLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0o600)
	if err != nil {
		return nil, err
	}
	if err := checkSingle(file); err != nil {
		return nil, mistakes.Join(err, file.Close())
	}
	return file, nil
}

// checkSingle refuses a link and a file that has another name.
func checkSingle(file *os.File) error {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(file.Fd()), &info); err != nil {
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	if info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		return fmt.Errorf("%s is a link, and a lock is a file of its own: remove it", file.Name())
	}
	if info.NumberOfLinks > 1 {
		return fmt.Errorf("%s has another name, and a lock is a file of its own: remove it", file.Name())
	}
	return nil
}

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

// rename moves a file over another, and returns once that is on the disk. os.Rename does not ask
// for that (Microsoft, MoveFileExW, MOVEFILE_WRITE_THROUGH).
func rename(from, to string) error {
	old, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	target, err := windows.UTF16PtrFromString(to)
	if err == nil {
		err = windows.MoveFileEx(old, target, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	}
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) && mayBeReplaced(target) {
		err = windows.ERROR_SHARING_VIOLATION // which waiting mends, while fs.ErrPermission says that nothing does
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// mayBeReplaced reports whether a file could be replaced once nobody has it open, by a file that we have just
// written beside it: MoveFileEx answers ERROR_ACCESS_DENIED for one that is open, too. It may not if it is read-only
// or a directory, or the right to delete it is missing. Of one that was removed and is open yet nothing can be read.
func mayBeReplaced(file *uint16) bool {
	attributes, err := windows.GetFileAttributes(file)
	if err != nil {
		return true
	}
	if attributes&(windows.FILE_ATTRIBUTE_READONLY|windows.FILE_ATTRIBUTE_DIRECTORY) != 0 {
		return false
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(file, windows.DELETE, share, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return !errors.Is(err, windows.ERROR_ACCESS_DENIED)
	}
	return windows.CloseHandle(handle) == nil
}

// inUseMax is for how long a file that somebody else has open is waited for.
const inUseMax = 500 * time.Millisecond

// whenFree does something to a file. Virus scanners, indexers and backups open any file that has
// just been written, for some milliseconds. Meanwhile it can be neither replaced nor removed, and one
// that was removed is not gone. Windows then answers as it does where a right is missing.
func whenFree(do func() error) error {
	for pause, waited := time.Millisecond, time.Duration(0); ; pause *= 2 {
		err := do()
		inUse := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !inUse || waited >= inUseMax {
			return err
		}
		time.Sleep(pause)
		waited += pause
	}
}

// SyncDirectory puts the names in a directory on the disk. Flushing a handle writes what was changed
// about its file, which for a directory is the names in it, and has the device write what it caches
// (Microsoft, NtFlushBuffersFileEx: on NTFS, ReFS, FAT and exFAT). It takes the right to write, and is
// an error if the directory is not there.
func SyncDirectory(path string) error {
	err := syncDirectory(path)
	if err != nil {
		return &os.PathError{Op: "sync", Path: path, Err: err}
	}
	return nil
}

func syncDirectory(path string) error {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	const directory = windows.FILE_FLAG_BACKUP_SEMANTICS // without it no directory can be opened (CreateFileW)
	handle, err := windows.CreateFile(name, windows.GENERIC_WRITE, share, nil, windows.OPEN_EXISTING, directory, 0)
	if err != nil {
		return err
	}
	return mistakes.Join(windows.FlushFileBuffers(handle), windows.CloseHandle(handle))
}
