package realtimeclock

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecondsAreReadAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "since_epoch")
	_, err := readFile(file)
	require.ErrorIs(t, err, os.ErrNotExist)
	for text, want := range map[string]int64{"1795999999\n": 1795999999, "1796000000": 1796000000} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		s, err := readFile(file)
		require.NoError(t, err)
		require.Equal(t, want, s)
	}
	require.NoError(t, os.WriteFile(file, []byte("soon\n"), 0o600))
	_, err = readFile(file)
	require.Error(t, err)
}

func TestVirtualMachinesSayThatTheyAre(t *testing.T) {
	for text, want := range map[string]bool{
		"processor: 0\nflags\t\t: fpu hypervisor lahf_lm\n": true,
		"flags\t\t: fpu lahf_lm hypervisor\n":               true,
		"flags\t\t: fpu lahf_lm\n":                          false,
		"Features\t: fp asimd\n":                            false,
		"flags\t\t: nohypervisor\n":                         false,
	} {
		file := filepath.Join(t.TempDir(), "cpuinfo")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		require.Equal(t, want, virtual(file), text)
	}
	require.False(t, virtual("/nonexistent"))
}
