package daemon

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// give makes the identity the owner of a file, a socket or a directory; one that is not there is left out.
//
// The directory may belong to that user already, who can put a link to anybody's file there. So what is looked
// at is what is given away, and that it has no other name.
func (i *identity) give(path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
	case unix.S_IFREG, unix.S_IFSOCK:
		if s.Nlink > 1 {
			return fmt.Errorf("%s has another name, and may be somebody else's file: remove it", path)
		}
	default:
		return fmt.Errorf("%s is a link or a device, and may be somebody else's: remove it", path)
	}
	if err := unix.Fchownat(fd, "", i.uid, i.gid, unix.AT_EMPTY_PATH); err != nil {
		return &fs.PathError{Op: "chown", Path: path, Err: err}
	}
	return nil
}
