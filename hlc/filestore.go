package hlc

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/epsilontime/epsilon/internal/durable"
)

// FileStore keeps the bound in a file. A Save writes a new file beside it, named with ".new" at the
// end, syncs that, renames it over the old one and syncs the directory, so that a crash at any
// moment leaves the old bound or the new one.
//
// Put it on the disk that holds the data stamped with the timestamps, so that they are lost
// together or not at all. A FileStore cannot tell a first start from a file that was deleted. An
// operation that hangs in the operating system does not heed its context.
type FileStore struct {
	path string

	mu   sync.Mutex    // one replacement at a time
	lock *durable.Lock // held until Close; nil afterwards
}

// OpenFileStore returns a store that keeps the bound in the file of that path. The directory must
// exist, the file need not. A relative path is that of the working directory of this moment.
//
// The store has the file for itself until it is closed, so close it after the clock that uses it:
// unlike OpenFileStore of package lease, which takes a directory that many share, and whose store has
// no Close.
//
// It locks a file beside it, named with ".lock" at the end, and returns [ErrInUse] if another store
// has it, in this process or another: two clocks on one bound would issue the same timestamps. If
// that file is removed or replaced, nothing is loaded or saved any more, because another store
// could have locked the new one. Systems that have no such locks, as Solaris and AIX, are refused.
func OpenFileStore(path string) (*FileStore, error) {
	if path == "" {
		return nil, errors.New("hlc: no path for the file of the bound")
	}
	path, err := filepath.Abs(path) // the working directory may change
	if err != nil {
		return nil, fmt.Errorf("hlc: path of the bound: %w", err)
	}
	lock, err := durable.TryLock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("hlc: lock of the bound: %w", orInUse(err))
	}
	return &FileStore{path: path, lock: lock}, nil
}

// orInUse says in the words of this package that somebody else has the lock.
func orInUse(err error) error {
	if errors.Is(err, durable.ErrLocked) {
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return err
}

// Close lets another store have the file. This one can neither load nor save any more.
func (s *FileStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil
	}
	err := s.lock.Close()
	s.lock = nil
	return err
}

// usableLocked returns an error if nothing may be done.
func (s *FileStore) usableLocked(ctx context.Context) error {
	switch {
	case s.path == "":
		return errUnmade
	case s.lock == nil:
		return fmt.Errorf("store of %s: %w", s.path, fs.ErrClosed)
	}
	if err := s.lock.Held(); err != nil {
		return fmt.Errorf("store of %s: its lock is lost, and it must be opened anew: %w", s.path, orInUse(err))
	}
	return ctx.Err()
}

// Load returns the saved bound, or zero if there is no file. A file that is torn, altered or of
// another kind is an [ErrCorrupt].
func (s *FileStore) Load(ctx context.Context) (Timestamp, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return 0, err
	}
	data, err := readAtMost(s.path, boundSize+1)
	if errors.Is(err, fs.ErrNotExist) {
		// A disk that is not mounted has no file either.
		if err := durable.SyncDirectory(filepath.Dir(s.path)); err != nil {
			return 0, fmt.Errorf("directory of the bound: %w", err)
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	bound, err := decodeBound(data)
	if err != nil {
		return 0, fmt.Errorf("%s: %w: put back the file, or one with a bound above every timestamp issued", s.path, err)
	}
	return bound, nil
}

// Save replaces the bound and returns once that is on disk.
func (s *FileStore) Save(ctx context.Context, bound Timestamp) error {
	if err := bound.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usableLocked(ctx); err != nil {
		return err
	}
	return durable.Replace(s.path, encodeBound(bound), 0o600)
}

func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// The file is one line: what it is and its version, the bound in 19 digits, and the CRC-32C of all
// before it.
const (
	boundMagic   = "epsilon-hlc-bound "
	boundVersion = "1 "
	boundSize    = int64(len(boundMagic) + len(boundVersion) + 19 + 1 + 8 + 1)
)

func encodeBound(bound Timestamp) []byte {
	line := fmt.Sprintf("%s%s%019d ", boundMagic, boundVersion, int64(bound))
	return fmt.Appendf(nil, "%s%08x\n", line, crc32.Checksum([]byte(line), crc32.MakeTable(crc32.Castagnoli)))
}

func decodeBound(data []byte) (Timestamp, error) {
	text, ours := strings.CutPrefix(string(data), boundMagic)
	if !ours {
		return 0, fmt.Errorf("%w: not a file of a bound", ErrCorrupt)
	}
	text, known := strings.CutPrefix(text, boundVersion)
	if !known {
		return 0, fmt.Errorf("%w: not version %s of the file", ErrCorrupt, strings.TrimSpace(boundVersion))
	}
	digits, _, _ := strings.Cut(text, " ")
	ns, err := strconv.ParseInt(digits, 10, 64)
	// Written again it must be the same, byte for byte: nothing but what Save writes is accepted.
	if err != nil || ns <= 0 || string(encodeBound(Timestamp(ns))) != string(data) {
		return 0, fmt.Errorf("%w: the file is torn or was altered", ErrCorrupt)
	}
	return Timestamp(ns), nil
}
