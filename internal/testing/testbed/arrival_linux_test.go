package testbed

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// However late a datagram is read, its arrival is when the kernel had it.
func TestArrivalIsWhenTheKernelReceivedTheDatagram(t *testing.T) {
	l := listen(t)
	stampArrivals(l.conn)
	from, err := net.Dial("udp4", l.conn.LocalAddr().String())
	require.NoError(t, err)
	defer from.Close()
	// Go's clock and the wall clock may be adjusted, not by that much.
	const adjusted = time.Millisecond
	stamped := 0 // in a row: the kernel begins to stamp a little after it has been asked to
	for tries := 0; stamped < 3; tries++ {
		require.Less(t, tries, 100)
		before := time.Now()
		_, err = from.Write([]byte("x"))
		require.NoError(t, err)
		sent := time.Now()
		time.Sleep(20 * time.Millisecond)
		control := make([]byte, stampSpace)
		_, n, _, _, err := l.conn.ReadMsgUDP(make([]byte, 10), control)
		require.NoError(t, err)
		arrived := arrival(control[:n])
		require.False(t, arrived.Before(before.Add(-adjusted)))
		stamped++
		if arrived.After(sent.Add(adjusted)) {
			stamped = 0
		}
	}
	require.WithinDuration(t, time.Now(), arrival(nil), time.Minute, "without a stamp it is when it is read")
}
