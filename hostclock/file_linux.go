package hostclock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is a segment in this process's memory, as long as it can be reached.
type mapping struct {
	*memory
	bytes []byte
}

// fileID tells a file from the one that replaces it.
type fileID struct{ device, inode uint64 }

func idOf(s *unix.Stat_t) fileID { return fileID{uint64(s.Dev), s.Ino} }

// identify returns which file is at a path now.
func identify(path string) (fileID, error) {
	var s unix.Stat_t
	if err := stat(path, &s); err != nil {
		return fileID{}, err
	}
	return idOf(&s), nil
}

func stat(path string, s *unix.Stat_t) error {
	if err := unix.Stat(path, s); err != nil {
		return &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return nil
}

// owners says whose segment is trusted.
type owners struct{ only int }

// anyOwner is the rule of owners that [WithOwner] replaces.
const anyOwner = -1

// mapFile maps the segment at a path to be read.
//
// To read past the end of a mapped file kills the process (SIGBUS). So the size is looked at after the
// mapping, and whoever may write the file is trusted not to truncate it: a [Publisher] never does.
func mapFile(path string, trusted owners) (*mapping, fileID, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // a pipe does not block
	if err != nil {
		return nil, fileID{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd) // the mapping holds the file
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return nil, fileID{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if s.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fileID{}, fmt.Errorf("%w: it is not a regular file", ErrForeign)
	}
	if err := trusted.check(path, &s); err != nil {
		return nil, fileID{}, err
	}
	bytes, err := unix.Mmap(fd, 0, segmentBytes, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fileID{}, &fs.PathError{Op: "mmap", Path: path, Err: err}
	}
	m := newMapping(bytes)
	if err := unix.Fstat(fd, &s); err != nil {
		return nil, fileID{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if s.Size < segmentBytes {
		return nil, fileID{}, fmt.Errorf("%w: it has %d bytes, and a segment %d: give the path of a file that epsilon serve publishes", ErrForeign, s.Size, segmentBytes)
	}
	return m, idOf(&s), nil
}

func newMapping(bytes []byte) *mapping {
	m := &mapping{(*memory)(unsafe.Pointer(unsafe.SliceData(bytes))), bytes}
	runtime.AddCleanup(m, func(bytes []byte) { _ = unix.Munmap(bytes) }, bytes)
	return m
}

// check returns an error if somebody may write the file whom nobody has decided to trust: it has to belong
// to root, to this process's user, or to whoever owns its directory and could replace it anyway.
func (o owners) check(path string, s *unix.Stat_t) error {
	if s.Mode&0o022 != 0 {
		return fmt.Errorf("%w: its mode %04o lets others than its owner write it: chmod go-w", ErrOwner, s.Mode&0o7777)
	}
	if o.only != anyOwner {
		if int(s.Uid) != o.only {
			return fmt.Errorf("%w: it belongs to user %d, and has to belong to user %d (WithOwner)", ErrOwner, s.Uid, o.only)
		}
		return nil
	}
	if s.Uid == 0 || int(s.Uid) == unix.Geteuid() {
		return nil
	}
	var directory unix.Stat_t
	if err := stat(filepath.Dir(path), &directory); err != nil {
		return err
	}
	if directory.Uid != s.Uid || directory.Mode&0o022 != 0 {
		return fmt.Errorf("%w: it belongs to user %d, who is neither root nor this process's user nor the owner of a directory that only they can write: "+
			"see who put it there, and vouch for them with WithOwner", ErrOwner, s.Uid)
	}
	return nil
}

// createFile makes the file at a path one with these words, which nobody has mapped before, and maps it to be
// written. Whoever has mapped the file that was there goes on to see that one.
func createFile(path string, words *[segmentWords]uint64) (*mapping, fileID, error) {
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fileID{}, err
	}
	file, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fileID{}, err
	}
	defer file.Close()
	m, id, err := fill(file, words)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		_ = os.Remove(fresh)
		return nil, fileID{}, err
	}
	return m, id, nil
}

// fill writes all of the page, so that the file system has it, and maps it.
func fill(file *os.File, words *[segmentWords]uint64) (*mapping, fileID, error) {
	if err := file.Chmod(0o644); err != nil { // whatever the umask
		return nil, fileID{}, err
	}
	if _, err := file.Write(unsafe.Slice((*byte)(unsafe.Pointer(words)), segmentBytes)); err != nil {
		return nil, fileID{}, err
	}
	var s unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &s); err != nil {
		return nil, fileID{}, err
	}
	bytes, err := unix.Mmap(int(file.Fd()), 0, segmentBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fileID{}, &fs.PathError{Op: "mmap", Path: file.Name(), Err: err}
	}
	return newMapping(bytes), idOf(&s), nil
}

// makeDirectory makes a directory that all may read, if it is not there.
func makeDirectory(path string) error {
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
