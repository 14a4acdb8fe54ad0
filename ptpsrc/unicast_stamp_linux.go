package ptpsrc

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// What the kernel is asked for: its software stamps of what comes in, and, where it knows them,
// those of its packet scheduler of what is sent, each with the packet.
const (
	receiveStamps = unix.SOF_TIMESTAMPING_SOFTWARE | unix.SOF_TIMESTAMPING_RX_SOFTWARE
	allStamps     = receiveStamps | unix.SOF_TIMESTAMPING_TX_SCHED
)

// requestStamps asks the kernel for stamps, and says whether it gives any.
func requestStamps(c *net.UDPConn) (granted bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	err = raw.Control(func(fd uintptr) {
		granted = askForStamps(func(flags int) error {
			return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags)
		})
	})
	return err == nil && granted
}

func askForStamps(set func(flags int) error) (granted bool) {
	return set(allStamps) == nil || set(receiveStamps) == nil
}

// stampOf returns the stamp that came with a message, and a reading after it; 0 if there is none.
func stampOf(control []byte, counter monotonic.Counter) (int64, wallclock.Reading) {
	reading, err := wallclock.ReadLast(counter)
	if err != nil {
		return 0, reading
	}
	return wallclock.SoftwareStamp(control), reading
}

// takeSent is wallclock.TakeSent of a socket.
func takeSent(c *net.UDPConn, packet, control []byte) (n int, stamp int64, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	err = raw.Control(func(fd uintptr) { n, stamp, ok = wallclock.TakeSent(int(fd), packet, control) })
	return n, stamp, ok && err == nil
}
