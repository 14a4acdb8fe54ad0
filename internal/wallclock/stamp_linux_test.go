package wallclock

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestControlMessagesThatAreNoStampAreNone(t *testing.T) {
	for _, control := range [][]byte{nil, make([]byte, 7), make([]byte, 64), unix.UnixRights(0)} {
		require.Zero(t, SoftwareStamp(control))
	}
	require.Zero(t, timespec(make([]byte, 3)))
}
