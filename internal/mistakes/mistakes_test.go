package mistakes

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllMistakesAreOnOneLineAndCanBeFound(t *testing.T) {
	var l List
	require.NoError(t, l.Err())
	l.Add(nil)
	require.NoError(t, l.Err())
	l.Add(io.EOF)
	require.Equal(t, io.EOF, l.Err())
	l.Addf("port %d: %w", 0, errors.ErrUnsupported)
	require.EqualError(t, l.Err(), "EOF; port 0: unsupported operation")
	require.ErrorIs(t, l.Err(), io.EOF)
	require.ErrorIs(t, l.Err(), errors.ErrUnsupported)
	require.Equal(t, l.Err(), Join(nil, l[0], nil, l[1]))
	require.NoError(t, Join(nil, nil))
}
