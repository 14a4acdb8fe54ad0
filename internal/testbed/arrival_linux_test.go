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
	for range 3 { // the kernel begins to stamp a little after it has been asked to
		before := time.Now()
		_, err = from.Write([]byte("x"))
		require.NoError(t, err)
		sent := time.Now()
		time.Sleep(50 * time.Millisecond)
		control := make([]byte, stampSpace)
		_, n, _, _, err := l.conn.ReadMsgUDP(make([]byte, 10), control)
		require.NoError(t, err)
		arrived := arrival(control[:n])
		// Go's clock and the wall clock may be adjusted, not by that much.
		const adjusted = time.Millisecond
		require.WithinRange(t, arrived, before.Add(-adjusted), sent.Add(adjusted))
	}
	require.WithinDuration(t, time.Now(), arrival(nil), time.Minute, "without a stamp it is when it is read")
}
