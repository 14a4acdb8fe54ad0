package hlc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// crashFiles is a file system in memory that fails at a chosen step, and of which a crash keeps what was
// synced and any part of what was not.
type crashFiles struct {
	names   map[string]*content // as the running system sees them
	durable map[string]*content // as they are on disk
	renames [][2]string         // since the last sync of the directory
	steps   int
	failAt  int // the number of the step that does not happen; 0 for none
}

type content struct{ cached, synced []byte }

var errCrash = errors.New("crash")

// heldLock is a lock that is never lost.
type heldLock struct{}

func (heldLock) held() error  { return nil }
func (heldLock) Close() error { return nil }

func newCrashFiles() *crashFiles {
	return &crashFiles{names: map[string]*content{}, durable: map[string]*content{}}
}

func (c *crashFiles) step() error {
	c.steps++
	if c.steps == c.failAt {
		return errCrash
	}
	return nil
}

func (c *crashFiles) read(path string, limit int) ([]byte, error) {
	f, ok := c.names[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return f.cached[:min(len(f.cached), limit)], nil
}

func (c *crashFiles) create(path string) (file, error) {
	if err := c.step(); err != nil {
		return nil, err
	}
	f, ok := c.names[path]
	if !ok {
		f = &content{}
		c.names[path] = f
	}
	f.cached = nil
	return &crashFile{c, f}, nil
}

func (c *crashFiles) rename(from, to string) error {
	if err := c.step(); err != nil {
		return err
	}
	c.names[to] = c.names[from]
	delete(c.names, from)
	c.renames = append(c.renames, [2]string{from, to})
	return nil
}

func (c *crashFiles) syncDir(string) error {
	if err := c.step(); err != nil {
		return err
	}
	c.durable, c.renames = maps.Clone(c.names), nil
	return nil
}

type crashFile struct {
	files *crashFiles
	*content
}

func (f *crashFile) Write(p []byte) (int, error) {
	if err := f.files.step(); err != nil {
		f.cached = append(f.cached, p[:len(p)/2]...)
		return len(p) / 2, err
	}
	f.cached = append(f.cached, p...)
	return len(p), nil
}

func (f *crashFile) Sync() error {
	if err := f.files.step(); err != nil {
		return err
	}
	f.synced = slices.Clone(f.cached)
	return nil
}

func (f *crashFile) Close() error { return f.files.step() }

// afterCrash returns what may be found after a crash: the directory as it was synced or as it was
// last seen, and of data that was not synced all, half or nothing.
func (c *crashFiles) afterCrash() []*crashFiles {
	var found []*crashFiles
	for _, directory := range []map[string]*content{c.durable, c.names} {
		for _, part := range []int{0, 1, 2} {
			after := newCrashFiles()
			for path, f := range directory {
				kept := f.synced
				if !bytes.Equal(f.cached, f.synced) {
					kept = f.cached[:len(f.cached)*part/2]
				}
				after.names[path] = &content{cached: kept, synced: kept}
			}
			after.durable = maps.Clone(after.names)
			found = append(found, after)
		}
	}
	return found
}

// The steps of a Save: create, write, sync, close, rename, sync of the directory.
const stepsOfSave = 6

func TestACrashAtAnyStepLeavesTheOldBoundOrTheNewOne(t *testing.T) {
	const old, fresh, third = Timestamp(1_767_225_600_000_000_000), Timestamp(1_767_225_603_000_000_000), Timestamp(1_767_225_606_000_000_000)
	for failAt := 1; failAt <= stepsOfSave+1; failAt++ {
		files := newCrashFiles()
		store := &FileStore{path: "data/bound", files: files, lock: heldLock{}}
		require.NoError(t, store.Save(t.Context(), old))
		require.Equal(t, stepsOfSave, files.steps)

		files.steps, files.failAt = 0, failAt
		err := store.Save(t.Context(), fresh)
		if failAt > stepsOfSave {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, errCrash, "step %d", failAt)
		}
		for i, after := range files.afterCrash() {
			restarted := &FileStore{path: "data/bound", files: after, lock: heldLock{}}
			got, errLoad := restarted.Load(t.Context())
			require.NoError(t, errLoad, "step %d, crash %d", failAt, i)
			if err == nil {
				require.Equal(t, fresh, got, "what was saved is kept")
			} else {
				require.Contains(t, []Timestamp{old, fresh}, got, "step %d, crash %d", failAt, i)
			}
			require.NoError(t, restarted.Save(t.Context(), third), "what was left lying about is no obstacle")
			got, errLoad = restarted.Load(t.Context())
			require.NoError(t, errLoad)
			require.Equal(t, third, got)
		}
		files.failAt = 0
		require.NoError(t, store.Save(t.Context(), third), "nor without a crash")
	}
}

func TestAFirstSaveThatCrashesIsAFirstStartAgain(t *testing.T) {
	for failAt := 1; failAt <= stepsOfSave; failAt++ {
		files := newCrashFiles()
		files.failAt = failAt
		require.ErrorIs(t, (&FileStore{path: "bound", files: files, lock: heldLock{}}).Save(t.Context(), 77), errCrash)
		for _, after := range files.afterCrash() {
			got, err := (&FileStore{path: "bound", files: after, lock: heldLock{}}).Load(t.Context())
			require.NoError(t, err)
			require.Contains(t, []Timestamp{0, 77}, got)
		}
	}
}

func TestTheFileOnARealDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bound")
	store := openFile(t, path)
	got, err := store.Load(t.Context())
	require.NoError(t, err)
	require.Zero(t, got, "a first start")

	for _, want := range []Timestamp{1_767_225_600_000_000_000, 5, math.MaxInt64} {
		require.NoError(t, store.Save(t.Context(), want))
		require.NoError(t, store.Close())
		store = openFile(t, path)
		got, err = store.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoFileExists(t, path+".tmp", "nothing is left lying about")
	require.ErrorIs(t, store.Save(t.Context(), 0), ErrInvalidTimestamp)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, store.Save(ended, 5), context.Canceled)
	_, err = store.Load(ended)
	require.ErrorIs(t, err, context.Canceled)

	for _, missing := range []string{"nowhere/bound", "bound/under a file"} {
		_, err = OpenFileStore(filepath.Join(filepath.Dir(path), missing))
		require.Error(t, err)
	}
}

// A directory that is gone, such as a disk that is not mounted any more, is not a first start.
func TestWithoutTheDirectoryNothingIsLoadedOrSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(dir, 0o700))
	store := openFile(t, filepath.Join(dir, "bound"))
	require.NoError(t, os.RemoveAll(dir))
	_, err := store.Load(t.Context())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, store.Save(t.Context(), 5), fs.ErrNotExist)
}

func TestOneStoreAtATimeHasTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bound")
	store := openFile(t, path)
	_, err := OpenFileStore(path)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, path)
	require.NoError(t, store.Close())
	require.NoError(t, store.Close())
	require.ErrorIs(t, store.Save(t.Context(), 5), fs.ErrClosed, "another may have it now")
	_, err = store.Load(t.Context())
	require.ErrorIs(t, err, fs.ErrClosed)
	require.NoError(t, openFile(t, path).Save(t.Context(), 5))
}

// Two clocks would go on from one bound, if somebody removed the lock of a store in use and started another.
func TestAStoreWhoseLockWasRemovedSavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bound")
	store := openFile(t, path)
	require.NoError(t, store.Save(t.Context(), 5))
	if err := os.Remove(path + ".lock"); err != nil {
		t.Skipf("this system does not remove a file that is open: %v", err)
	}
	require.ErrorIs(t, store.Save(t.Context(), 6), fs.ErrNotExist)

	other := openFile(t, path)
	require.ErrorIs(t, store.Save(t.Context(), 7), ErrInUse)
	_, err := store.Load(t.Context())
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, other.Save(t.Context(), 8))
	got, err := other.Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, Timestamp(8), got)
}

// A restart in the directory of the first start must find what was saved after a change of directory.
func TestARelativePathStaysWhereItWasOpened(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	t.Chdir(first)
	store := openFile(t, "bound")
	t.Chdir(second)
	require.NoError(t, store.Save(t.Context(), 5))
	require.NoError(t, store.Close())
	t.Chdir(first)
	got, err := openFile(t, "bound").Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, Timestamp(5), got)

	_, err = OpenFileStore("")
	require.ErrorContains(t, err, "no path")
}

func openFile(t *testing.T, path string) *FileStore {
	t.Helper()
	store, err := OpenFileStore(path)
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	return store
}

func TestATornAlteredOrForeignFileIsAnError(t *testing.T) {
	whole := encodeBound(1_767_225_600_000_000_000)
	damaged := [][]byte{
		nil, []byte("\n"), []byte("5"), []byte("#!/bin/sh\n"), bytes.Repeat([]byte{0}, len(whole)),
		append(slices.Clone(whole), '\n'), append(slices.Clone(whole), whole...), encodeBound(0), encodeBound(-5),
		[]byte(fmt.Sprintf("%s2 %s", boundMagic, whole[len(boundMagic)+2:])),
		bytes.Repeat([]byte("x"), 1<<20),
	}
	for n := range whole {
		damaged = append(damaged, whole[:n])
		flipped := slices.Clone(whole)
		flipped[n] ^= 1
		damaged = append(damaged, flipped)
	}
	path := filepath.Join(t.TempDir(), "bound")
	store := openFile(t, path)
	for _, data := range damaged {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		_, err := store.Load(t.Context())
		require.ErrorIs(t, err, ErrCorrupt, "%q", data[:min(len(data), 80)])
		require.ErrorContains(t, err, path)
	}
	_, err := decodeBound([]byte(boundMagic + "2 x"))
	require.ErrorContains(t, err, "version")
}

func FuzzDecodeBound(f *testing.F) {
	f.Add(encodeBound(1))
	f.Add(encodeBound(math.MaxInt64))
	f.Add([]byte(boundMagic + boundVersion))
	f.Fuzz(func(t *testing.T, data []byte) {
		bound, err := decodeBound(data)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		require.True(t, bound.Valid())
		require.Equal(t, encodeBound(bound), data)
	})
}
