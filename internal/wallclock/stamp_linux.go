package wallclock

import (
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// # Transmit stamps
//
// A software transmit stamp (SOF_TIMESTAMPING_TX_SOFTWARE) is not used. It is made by the device's
// driver, which should do so before it hands the packet over (Documentation/networking/
// timestamping.rst, 1.3.1), but nothing makes it, and one made after the packet has left would be
// later than the truth. What is used is the stamp of the packet scheduler
// (SOF_TIMESTAMPING_TX_SCHED): the kernel itself makes it in __dev_queue_xmit (net/core/dev.c),
// before any queue or driver has seen the packet, loopback included. Where a packet passes several
// devices there are several of them, and the first counts.
//
// # Receive stamps
//
// They are made when the kernel gets the packet from the device, or, if stamping has been switched
// on too late for that, when it is read (net/socket.c, __sock_recv_timestamp): never before it
// arrived.

// TakeSent takes one message from the error queue of a socket, into buffers of the caller's, and
// returns the stamp that the packet scheduler has made and how much of packet was filled: with what
// was sent, headers of its way before it, unless SOF_TIMESTAMPING_OPT_TSONLY keeps it away or it is
// longer than packet. The stamp is 0 if the message is something else, and ok is false if there was
// none. It never waits.
func TakeSent(fd int, packet, control []byte) (n int, stamp int64, ok bool) {
	n, inControl, flags, _, err := syscall.Recvmsg(fd, packet, control, syscall.MSG_ERRQUEUE)
	if err != nil {
		return 0, 0, false
	}
	if flags&syscall.MSG_TRUNC != 0 {
		n = 0 // what was sent is at the end, and that is missing
	}
	if isSchedulerStamp(control[:inControl]) {
		stamp = SoftwareStamp(control[:inControl])
	}
	return n, stamp, true
}

// isSchedulerStamp reports whether the stamp among control messages of the error queue was made
// when the packet entered the packet scheduler, and not at some other stage of its way.
func isSchedulerStamp(control []byte) bool {
	const scheduled = 1 // SCM_TSTAMP_SCHED, include/uapi/linux/errqueue.h
	const origin, info, size = 4, 8, 16
	e := findControl(control, func(h unix.Cmsghdr) bool {
		return h.Level == unix.SOL_IP && h.Type == unix.IP_RECVERR || h.Level == unix.SOL_IPV6 && h.Type == unix.IPV6_RECVERR
	})
	return len(e) >= size && e[origin] == unix.SO_EE_ORIGIN_TIMESTAMPING && binary.NativeEndian.Uint32(e[info:]) == scheduled
}

// SoftwareStamp returns the software stamp among control messages, in nanoseconds, or 0. It is the
// first of three in a scm_timestamping (include/uapi/linux/errqueue.h).
func SoftwareStamp(control []byte) int64 {
	return timespec(findControl(control, func(h unix.Cmsghdr) bool {
		return h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPING
	}))
}

// findControl returns the data of the first control message that is wanted, or nil.
func findControl(control []byte, wanted func(unix.Cmsghdr) bool) []byte {
	for len(control) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return nil
		}
		if wanted(h) {
			return data
		}
		control = rest
	}
	return nil
}

// timespec decodes two words of the processor's size: seconds and nanoseconds.
func timespec(b []byte) int64 {
	const word = int(unsafe.Sizeof(uintptr(0)))
	if len(b) < 2*word {
		return 0
	}
	if word == 8 {
		return int64(binary.NativeEndian.Uint64(b))*int64(time.Second) + int64(binary.NativeEndian.Uint64(b[8:]))
	}
	return int64(int32(binary.NativeEndian.Uint32(b)))*int64(time.Second) + int64(int32(binary.NativeEndian.Uint32(b[4:])))
}
