package engine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// contents of a folder, by name.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	all := make(map[string]string)
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(folder, f.Name()))
		require.NoError(t, err)
		all[f.Name()] = string(data)
	}
	return all
}

func write(t *testing.T, files map[string]string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(data), 0o666))
	}
	return folder
}

const kept = 200

// A folder of which one file is missing, empty, or cut in half is refused and left as it is, or all
// is still there. Of one that was not closed the end of the log makes an exception: when it is cut
// off it looks just as it does after a loss of power, before which nothing in it had been
// acknowledged.
func TestHalfWrittenFolderIsRefusedAndLeftAlone(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	p, err := OpenPebble(folder, vfs.Default, func(text string) { panic(text) })
	require.NoError(t, err)
	require.NoError(t, CheckFormat(t.Context(), p, 3))
	for i := range kept {
		require.NoError(t, p.Apply(t.Context(), Batch{Put: []Pair{{fmt.Sprintf("k%04d", i), make([]byte, 100)}}}))
	}
	crashed := contents(t, folder)
	require.NoError(t, p.Close())
	refused := 0
	for state, whole := range map[string]map[string]string{"closed": contents(t, folder), "crashed": crashed} {
		for name, data := range whole {
			for how, left := range map[string]string{"missing": "", "empty": "", "half": data[:len(data)/2]} {
				damaged := maps.Clone(whole)
				damaged[name] = left
				if how == "missing" {
					delete(damaged, name)
				}
				where := fmt.Sprintf("%s, %s %s", state, name, how)
				folder := write(t, damaged)
				p, err := OpenPebble(folder, vfs.Default, func(text string) { panic(text) })
				if err != nil {
					refused++
					require.NotContains(t, err.Error(), "\n", where)
					require.Contains(t, err.Error(), "nothing in it was changed", where)
					require.Equal(t, damaged, contents(t, folder), where)
					continue
				}
				found, err := p.Read(t.Context(), Prefix("k"))
				require.NoError(t, err)
				if state == "closed" || !strings.HasSuffix(name, ".log") {
					require.Len(t, found[0], kept, where)
				}
				require.NoError(t, p.Close())
			}
		}
	}
	require.Greater(t, refused, 5)
}

func TestFolderOfSomethingElseIsRefusedAndLeftAlone(t *testing.T) {
	letters := map[string]string{"letter.txt": "dear reader"}
	folder := write(t, letters)
	_, err := OpenPebble(folder, vfs.Default, func(string) {})
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "letter.txt")
	require.Equal(t, letters, contents(t, folder))
}
