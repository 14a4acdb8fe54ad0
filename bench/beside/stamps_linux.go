package main

import (
	"net/netip"
	"os"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/socketaddress"
)

// stampedSocket opens a socket of which the kernel stamps what arrives.
func stampedSocket(address string, attach func(int, unix.Sockaddr) error) (int, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, err
	}
	family, name, err := socketaddress.Of(at)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	if err := attach(fd, name); err != nil {
		return 0, err
	}
	return fd, os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
}

// crossing measures what it takes a datagram from the call that sends it to the stamp of the kernel that receives it.
// Of some hundred it is the tenth percentile, as a path must not be shorter than it is named.
func crossing() (time.Duration, error) {
	var r relays
	to, err := stampedSocket("127.0.0.1:0", unix.Bind)
	if err != nil {
		return 0, err
	}
	defer unix.Close(to)
	name, err := unix.Getsockname(to)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	var took []time.Duration
	for range 500 {
		sent := time.Now().UnixNano()
		if err := unix.Sendto(to, r.buffer[:ntpHeader], 0, name); err != nil {
			return 0, os.NewSyscallError("sendto", err)
		}
		if n, arrived, _ := r.receive(to); n > 0 {
			took = append(took, time.Duration(arrived-sent))
		}
	}
	slices.Sort(took)
	return min(max(percentile(took, 10), 0), crossingMax), nil
}

// receive takes one datagram and the time at which the kernel got it. n is negative if there is none.
func (r *relays) receive(socket int) (n int, arrived int64, from unix.Sockaddr) {
	n, inControl, _, from, err := unix.Recvmsg(socket, r.buffer[:], r.control[:], unix.MSG_DONTWAIT)
	if err != nil {
		return -1, 0, nil
	}
	for control := r.control[:inControl]; len(control) > 0; {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			return n, (*unix.Timespec)(unsafe.Pointer(&data[0])).Nano(), from
		}
		control = rest
	}
	return n, time.Now().UnixNano(), from
}
