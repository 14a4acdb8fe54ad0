package extension

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBoundsHaveTheirLayout(t *testing.T) {
	packet := AppendBounds([]byte("header"), Bounds{Latest: 0x0123456789abcdef, Earliest: 0xfedcba9876543210})
	require.Equal(t, strings.Join([]string{
		"f3b5" + "001c", // type, and length
		"b311ae0f",      // magic
		"00000001",      // version
		"0123456789abcdef",
		"fedcba9876543210",
	}, ""), hex.EncodeToString(packet[len("header"):]))
	for f, err := range Fields(packet, len("header"), Smallest) {
		require.NoError(t, err)
		bounds, ok := BoundsOf(f)
		require.True(t, ok)
		require.Equal(t, Bounds{Latest: 0x0123456789abcdef, Earliest: 0xfedcba9876543210}, bounds)
	}
}

// What is told of a field is what it has, and what cannot be read ends it.
func TestFieldsAreReadOneAfterTheOther(t *testing.T) {
	two := Append(Append([]byte("header"), 1, make([]byte, 12)), 2, []byte("sixteen bytes..."))
	var found []Field
	for f, err := range Fields(two, len("header"), Smallest) {
		require.NoError(t, err)
		found = append(found, f)
	}
	require.Equal(t, []Field{{6, 1, make([]byte, 12)}, {22, 2, []byte("sixteen bytes...")}}, found)

	for name, rest := range map[string]string{
		"three bytes":           "\x00\x03\x00",
		"a length of 0":         "\x00\x03\x00\x00",
		"shorter than smallest": "\x00\x03\x00\x0c01234567",
		"no multiple of four":   "\x00\x03\x00\x12" + strings.Repeat("x", 14),
		"beyond the packet":     "\x00\x03\x00\x14" + strings.Repeat("x", 12),
	} {
		var kinds []uint16
		var failed error
		for f, err := range Fields(append(two[:len(two):len(two)], rest...), len("header"), Smallest) {
			if failed = err; err == nil {
				kinds = append(kinds, f.Kind)
			}
		}
		require.ErrorIs(t, failed, ErrMalformed, name)
		require.Equal(t, []uint16{1, 2}, kinds, name)
	}
}
