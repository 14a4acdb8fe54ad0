package testbed

import (
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stampSpace holds the control message of one stamp.
const stampSpace = 128

// stampArrivals has the kernel note when each datagram arrives. To read it may take the process a
// long time: it has to be woken first, and others may be on the processor.
func stampArrivals(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	// Where there are no stamps, delays count from when the datagram is read.
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
}

// arrival returns when the datagram arrived that has just been read with this control message. The
// stamp is one of the wall clock: if that is set in between, it is wrong by as much.
func arrival(control []byte) time.Time {
	wall, now := Realtime(), time.Now()
	if stamp, ok := stampIn(control); ok {
		return now.Add(-max(time.Duration(wall-stamp), 0))
	}
	return now
}

// stampIn returns the stamp in a control message, of CLOCK_REALTIME in nanoseconds.
func stampIn(control []byte) (stamp int64, ok bool) {
	for len(control) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			return (*unix.Timespec)(unsafe.Pointer(&data[0])).Nano(), true
		}
		control = rest
	}
	return 0, false
}
