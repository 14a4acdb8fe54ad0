//go:build linux

package machine

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The entries begin at multiples of 4 bytes, and say how long their names and contents are.
func TestArchiveIsOneThatTheKernelUnpacks(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, []byte("12345"), 0o644))
	path := filepath.Join(folder, "archive")
	require.NoError(t, writeArchive(path, []string{"dev"}, map[string]string{"init": file}))
	text, err := os.ReadFile(path)
	require.NoError(t, err)

	field := func(header []byte, i int) int {
		value, err := hex.DecodeString(string(header[6+8*i : 14+8*i]))
		require.NoError(t, err)
		return int(value[0])<<24 | int(value[1])<<16 | int(value[2])<<8 | int(value[3])
	}
	padded := func(n int) int { return (n + 3) &^ 3 }
	for _, want := range []struct {
		name, content string
		mode          int
	}{{"dev", "", 0o040755}, {"init", "12345", 0o100755}, {"TRAILER!!!", "", 0}} {
		require.Equal(t, "070701", string(text[:6]))
		require.Equal(t, want.mode, field(text, 1))
		size, name := field(text, 6), field(text, 11)
		require.Equal(t, want.name+"\x00", string(text[110:110+name]))
		text = text[padded(110+name):]
		require.Equal(t, want.content, string(text[:size]))
		text = text[padded(size):]
	}
	require.Empty(t, text)
}
