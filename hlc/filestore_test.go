package hlc

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	require.NoFileExists(t, path+".new", "nothing is left lying about")
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
	if err := os.RemoveAll(dir); err != nil {
		t.Skipf("this system does not remove a file that is open: %v", err)
	}
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

// Two clocks would go on from one bound, if somebody removed the lock of a store in use and started
// another.
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

// A restart in the directory of the first start must find what was saved after a change of
// directory.
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
