package wallclock

import (
	"bytes"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestControlMessagesThatAreNoStampAreNone(t *testing.T) {
	for _, control := range [][]byte{nil, make([]byte, 7), make([]byte, 64), unix.UnixRights(0)} {
		require.Zero(t, SoftwareStamp(control))
		require.False(t, isSchedulerStamp(control))
	}
	require.Zero(t, timespec(make([]byte, 3)))
}

func TestStampComesWithWhatWasSentIfThereIsRoomForIt(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer c.Close()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	var refused error
	require.NoError(t, raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPING, unix.SOF_TIMESTAMPING_SOFTWARE|unix.SOF_TIMESTAMPING_TX_SCHED)
	}))
	if refused != nil {
		t.Skipf("this kernel does not stamp packets: %v", refused)
	}
	take := func(room int) (packet []byte, stamp int64, ok bool) {
		packet = make([]byte, room)
		n := 0
		require.NoError(t, raw.Control(func(fd uintptr) { n, stamp, ok = TakeSent(int(fd), packet, make([]byte, 256)) }))
		return packet[:n], stamp, ok
	}
	_, _, ok := take(100)
	require.False(t, ok, "nothing was sent")
	message := []byte("a message")
	for _, room := range []int{100, 20} {
		_, err = c.WriteToUDP(message, c.LocalAddr().(*net.UDPAddr))
		require.NoError(t, err)
		packet, stamp, ok := take(room)
		require.True(t, ok)
		require.NotZero(t, stamp)
		require.Equal(t, room == 100, bytes.HasSuffix(packet, message))
		if room == 20 {
			require.Empty(t, packet, "the end is missing, and what is there is of no use")
		}
		_, _, ok = take(room)
		require.False(t, ok)
	}
}
