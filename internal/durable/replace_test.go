package durable

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// crashFiles is a file system in memory that fails at a chosen step, and of which a crash keeps
// what was synced and any part of what was not.
type crashFiles struct {
	names   map[string]*content // as the running system sees them
	durable map[string]*content // as they are on disk
	renames [][2]string         // since the last sync of the directory
	steps   int
	failAt  int // the number of the step that does not happen; 0 for none
}

type content struct{ cached, synced []byte }

var errCrash = errors.New("crash")

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

func (c *crashFiles) create(path string, _ os.FileMode) (file, error) {
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

func (c *crashFiles) syncDirectory(string) error {
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

// The steps of a Replace: create, write, sync, close, rename, sync of the directory.
const steps = 6

func TestACrashAtAnyStepLeavesTheOldContentOrTheNew(t *testing.T) {
	content := func(files *crashFiles) string {
		require.Contains(t, files.names, "data/file")
		return string(files.names["data/file"].cached)
	}
	for failAt := 1; failAt <= steps+1; failAt++ {
		files := newCrashFiles()
		require.NoError(t, replace(files, "data/file", []byte("the old"), 0o600))
		require.Equal(t, steps, files.steps)

		files.steps, files.failAt = 0, failAt
		err := replace(files, "data/file", []byte("something new"), 0o600)
		if failAt > steps {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, errCrash, "step %d", failAt)
		}
		for i, after := range files.afterCrash() {
			if err == nil {
				require.Equal(t, "something new", content(after), "what was written is kept")
			} else {
				require.Contains(t, []string{"the old", "something new"}, content(after), "step %d, crash %d", failAt, i)
			}
			require.NoError(t, replace(after, "data/file", []byte("the next"), 0o600), "what was left lying about is no obstacle")
			require.Equal(t, "the next", content(after))
		}
		files.failAt = 0
		require.NoError(t, replace(files, "data/file", []byte("the next"), 0o600), "nor without a crash")
	}
}

func TestAFirstReplaceThatCrashesLeavesNothingOrAll(t *testing.T) {
	for failAt := 1; failAt <= steps; failAt++ {
		files := newCrashFiles()
		files.failAt = failAt
		require.ErrorIs(t, replace(files, "file", []byte("the first"), 0o600), errCrash)
		for _, after := range files.afterCrash() {
			if found, ok := after.names["file"]; ok {
				require.Equal(t, "the first", string(found.cached))
			}
		}
	}
}

func TestReplaceOnARealDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, want := range []string{"one", "", "three"} {
		require.NoError(t, Replace(path, []byte(want), 0o600))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing is left lying about")
	require.ErrorIs(t, Replace(filepath.Join(path+" gone", "file"), nil, 0o600), os.ErrNotExist)
}
