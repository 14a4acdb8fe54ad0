package durable_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"github.com/epsilontime/epsilon/internal/durable"
)

// A scanner opens what was just written and lets nobody else at it.
func TestAFileThatIsInUseForAMomentIsReplaced(t *testing.T) {
	for name, held := range map[string]string{"the file": "file", "what is written first": "file.new"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
			require.NoError(t, os.WriteFile(path+".new", []byte("left"), 0o600))
			held, err := windows.UTF16PtrFromString(filepath.Join(dir, held))
			require.NoError(t, err)
			const alone = 0 // shared with nobody
			scanner, err := windows.CreateFile(held, windows.GENERIC_READ, alone, nil, windows.OPEN_EXISTING, 0, 0)
			require.NoError(t, err)
			attempt := func() error { return durable.Replace(path, []byte("new"), 0o600) }
			require.ErrorContains(t, attempt(), path, "not waited for for ever")

			closed := make(chan error, 1)
			time.AfterFunc(20*time.Millisecond, func() { closed <- windows.CloseHandle(scanner) })
			for err = attempt(); err != nil && len(closed) == 0; err = attempt() {
			} // this machine may be so slow that it is open for as long as an attempt lasts
			require.NoError(t, <-closed)
			if err != nil {
				err = attempt()
			}
			require.NoError(t, err)
			written, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "new", string(written))
		})
	}
}
