package unset

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

type value struct{}

func (value) Read([]byte) (int, error) { return 0, io.EOF }

type function func()

func (function) Read([]byte) (int, error) { return 0, io.EOF }

type slice []byte

func (slice) Read([]byte) (int, error) { return 0, io.EOF }

func TestNilSeesThroughTheInterface(t *testing.T) {
	var reader io.Reader
	require.True(t, Nil(reader))
	reader = (*bytes.Buffer)(nil)
	require.NotNil(t, &reader)
	require.True(t, Nil(reader))
	require.True(t, Nil(io.Reader(function(nil))))

	for _, r := range []io.Reader{new(bytes.Buffer), value{}, function(func() {}), slice(nil)} {
		require.False(t, Nil(r), "%T", r)
	}
}
