package ptpsrc

import (
	"net"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// requestStamps asks the kernel for software stamps of what comes in, and says whether it gives them. Those of what
// is sent are not asked for: they come by way of a queue of errors, and must be told apart.
func requestStamps(c *net.UDPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	var refused error
	err = raw.Control(func(fd uintptr) {
		const flags = unix.SOF_TIMESTAMPING_SOFTWARE | unix.SOF_TIMESTAMPING_RX_SOFTWARE
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags)
	})
	return err == nil && refused == nil
}

// stampOf returns the stamp that came with a message, and a look after it; 0 if there is none.
func stampOf(control []byte, counter monotonic.Counter) (int64, wallclock.Look) {
	look, err := wallclock.Read(counter)
	if err != nil {
		return 0, look
	}
	return wallclock.SoftwareStamp(control), look
}
