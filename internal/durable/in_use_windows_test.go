package durable

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// A scanner opens what was just written and lets nobody else at it.
func TestAFileThatIsInUseForAMomentIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for name, act := range map[string]func() error{
		"the file":              func() error { return rename(path+".new", path) },
		"what is written first": func() error { return os.Remove(path + ".new") },
	} {
		t.Run(name, func(t *testing.T) {
			for _, file := range []string{path, path + ".new"} {
				require.NoError(t, os.WriteFile(file, nil, 0o600))
			}
			var scanners []windows.Handle
			for _, file := range []string{path, path + ".new"} {
				name, err := windows.UTF16PtrFromString(file)
				require.NoError(t, err)
				const alone = 0 // shared with nobody
				handle, err := windows.CreateFile(name, windows.GENERIC_READ, alone, nil, windows.OPEN_EXISTING, 0, 0)
				require.NoError(t, err)
				scanners = append(scanners, handle)
			}
			attempts := 0
			err := whenFree(func() error {
				if attempts++; attempts == 3 {
					for _, scanner := range scanners {
						require.NoError(t, windows.CloseHandle(scanner))
					}
				}
				return act()
			})
			require.NoError(t, err)
			require.Equal(t, 3, attempts)
		})
	}
}

func TestAFileThatStaysInUseIsAnErrorInTheEnd(t *testing.T) {
	for _, refused := range []error{windows.ERROR_SHARING_VIOLATION, windows.ERROR_ACCESS_DENIED} {
		attempts := 0
		require.ErrorIs(t, whenFree(func() error { attempts++; return refused }), refused)
		require.Greater(t, attempts, 2)
	}
	attempts := 0
	require.ErrorIs(t, whenFree(func() error { attempts++; return windows.ERROR_DISK_FULL }), windows.ERROR_DISK_FULL)
	require.Equal(t, 1, attempts)
}
