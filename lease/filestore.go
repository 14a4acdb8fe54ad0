package lease

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/epsilontime/epsilon/internal/durable"
)

// FileStore is a [Store] in a directory, for processes of one host. It is safe between processes
// and goroutines: operations on one name take turns by a lock of the operating system, which goes
// with the process that holds it. A record is in place, with the directory, on the disk before an
// operation returns, so that no token is handed out twice after a power failure.
//
// The directory must be on a local file system that is shared by no other host: locks of network
// file systems are not to be relied on. Each name has two files, called after its SHA-256; deleting
// them begins the tokens again.
//
// A file holds what [Record.MarshalBinary] returns, with the name of the lease in the line of JSON.
//
// A Load costs one fsync, of the directory, and a CompareAndSwap two. A Load needs the right to
// read alone, leaves no file behind, and waits for nobody (on Windows it takes the lock as a
// CompareAndSwap does, because no file can be replaced there that is being read). All who compete
// for a lease must have the right to write to the directory and to its files: run them as one user.
// An error that somebody has to mend, such as a missing right or a directory that is gone, wraps
// [ErrPermanent].
type FileStore struct {
	directory string
}

// OpenFileStore returns a store in directory, which must exist. It holds nothing between operations,
// serves any number of leases and processes, and has no Close: unlike OpenFileStore of package hlc,
// whose store is one file that one clock has for itself until it is closed.
func OpenFileStore(directory string) (*FileStore, error) {
	info, err := os.Stat(directory)
	switch {
	case err != nil:
		return nil, fmt.Errorf("lease: directory of the store: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("lease: %s is not a directory", directory)
	}
	directory, err = filepath.Abs(directory) // or a change of the working directory would begin the tokens again
	if err != nil {
		return nil, fmt.Errorf("lease: directory of the store: %w", err)
	}
	return &FileStore{directory}, nil
}

// Load implements [Store].
func (f *FileStore) Load(ctx context.Context, name string) (r Record, err error) {
	if err := f.check(name); err != nil {
		return Record{}, err
	}
	load := func(path string) error {
		if r, err = read(path, name); err != nil {
			return err
		}
		// Who wrote it may have been killed, or not have come to it, before the directory was on
		// the disk.
		return durable.SyncDirectory(f.directory)
	}
	switch {
	case !durable.ReplacesWhatIsRead:
		err = f.locked(ctx, name, load)
	case ctx.Err() != nil:
		err = ctx.Err()
	default: // a record is replaced in one step, so that what is read is the old or the new
		err = load(f.path(name))
	}
	if err != nil {
		return Record{}, orPermanent(err)
	}
	return r, nil
}

// CompareAndSwap implements [Store]. It writes nothing if ctx ends before it has the lock;
// afterwards it is not interrupted.
func (f *FileStore) CompareAndSwap(ctx context.Context, name string, version uint64, next Record) (uint64, error) {
	if err := f.check(name); err != nil {
		return 0, err
	}
	err := f.locked(ctx, name, func(path string) error {
		present, err := read(path, name)
		if err != nil {
			return err
		}
		if present.Version != version {
			return conflict(name, present.Version, version)
		}
		next.Version = version + 1
		data, err := next.encode(&name)
		if err != nil {
			return err
		}
		if err := durable.Replace(path, data, 0o644); err != nil {
			return fmt.Errorf("lease: write record of %.80q: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return 0, orPermanent(err)
	}
	return next.Version, nil
}

// check says why nothing can be done with the name.
func (f *FileStore) check(name string) error {
	if f.directory == "" {
		return errUnmade
	}
	if err := checkName(name); err != nil {
		return fmt.Errorf("lease: name: %w", err)
	}
	return nil
}

// lockAgain is how long to wait before another attempt at a lock that is taken.
const lockAgain = 2 * time.Millisecond

// path is where the record of a name lies.
func (f *FileStore) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(f.directory, hex.EncodeToString(sum[:])+".lease")
}

// locked calls operate with the path of the record while nobody else has the lock of the name.
func (f *FileStore) locked(ctx context.Context, name string, operate func(path string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := f.path(name)
	lock, err := takeLock(ctx, path+".lock")
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("lease: lock of %.80q: %w; run all who compete for it as one user, "+
			"who may write to the directory and its files", name, err)
	case err != nil:
		return fmt.Errorf("lease: lock of %.80q: %w", name, err)
	}
	defer lock.Close() // and with it the lock goes
	if err := ctx.Err(); err != nil {
		return err
	}
	return operate(path)
}

// takeLock waits until it has the lock of a file. The lock has a file of its own which stays,
// because the record's is replaced.
func takeLock(ctx context.Context, path string) (*durable.Lock, error) {
	for {
		lock, err := durable.TryLock(path)
		if !errors.Is(err, durable.ErrLocked) {
			return lock, err
		}
		if err := sleep(ctx, lockAgain); err != nil {
			return nil, fmt.Errorf("wait for %s: %w", path, err)
		}
	}
}

func read(path, name string) (Record, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("lease: record of %.80q: %w", name, err)
	}
	r, of, err := decode(data)
	switch {
	case err != nil:
	case of == nil || *of != name:
		err = fmt.Errorf("%w: it is the record of another lease", ErrCorrupt)
	case r.Version == 0:
		err = fmt.Errorf("%w: version 0", ErrCorrupt)
	}
	if err != nil {
		return Record{}, fmt.Errorf("%w in %s; restore it, or find the highest token used before you delete it", err, path)
	}
	return r, nil
}
