package durable

import (
	"io/fs"
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

// A backup that has a file open for longer than it is waited for has not taken a right away: who competes for
// a lease goes on for as long as that lasts.
func TestAFileThatIsInUseIsNotAMissingRight(t *testing.T) {
	for name, share := range map[string]uint32{
		"shared with nobody": 0, "shared with readers": windows.FILE_SHARE_READ,
		"shared with all but who removes it": windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			require.NoError(t, Replace(path, []byte("old"), 0o600))
			target, err := windows.UTF16PtrFromString(path)
			require.NoError(t, err)
			backup, err := windows.CreateFile(target, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING, 0, 0)
			require.NoError(t, err)
			err = Replace(path, []byte("new"), 0o600)
			closed := windows.CloseHandle(backup)
			require.NoError(t, closed)
			require.ErrorIs(t, err, windows.ERROR_SHARING_VIOLATION)
			require.NotErrorIs(t, err, fs.ErrPermission)
			require.True(t, mayBeReplaced(target))
			require.NoError(t, Replace(path, []byte("new"), 0o600))
		})
	}
}

func TestAFileThatMayNotBeReplacedIsAMissingRight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	target, err := windows.UTF16PtrFromString(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, nil, 0o400))
	require.False(t, mayBeReplaced(target), "it is read-only, which wine takes for no reason")
	require.NoError(t, os.Chmod(path, 0o600))
	require.True(t, mayBeReplaced(target))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o700))
	require.ErrorIs(t, Replace(path, []byte("new"), 0o600), fs.ErrPermission, "it is a directory")
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
