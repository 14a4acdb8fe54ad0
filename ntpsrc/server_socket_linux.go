package ntpsrc

import (
	"context"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/socketaddress"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// linuxSocket is a socket with the kernel's software stamps.
type linuxSocket struct {
	fd      int
	file    *os.File // fd, watched by the runtime's poller
	watch   wallclock.Watch
	stamped bool // the kernel has been asked for stamps
	sharp   bool // and is asked how it is steered

	sent, received int64 // stamps; 0 if there is none
	control        [256]byte
}

// openSocket opens a socket to the server, with the kernel's stamps if that is wanted and possible.
func openSocket(to netip.AddrPort, wanted stamping) (socket, error) {
	family, address, err := socketaddress.Of(to)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, address); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	s := &linuxSocket{fd: fd, file: os.NewFile(uintptr(fd), "udp"), sharp: wanted == sharpStamps}
	if wanted != programStamps {
		s.requestStamps()
	}
	return s, nil
}

// requestStamps asks the kernel for stamps: what they are is told in package wallclock. One counts
// only if it can be told that nobody sets the wall clock meanwhile, so where that cannot be watched
// there are none.
func (s *linuxSocket) requestStamps() {
	const flags = unix.SOF_TIMESTAMPING_SOFTWARE | // report software stamps
		unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_TX_SCHED |
		unix.SOF_TIMESTAMPING_OPT_TSONLY // and not the request with them
	watch, err := wallclock.NewWatch()
	if err != nil {
		return
	}
	s.watch = watch
	s.stamped = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags) == nil
}

func (s *linuxSocket) send(b []byte) error {
	_, err := retry(func() (int, error) { return unix.Write(s.fd, b) })
	if err != nil {
		return os.NewSyscallError("write", err)
	}
	if s.stamped {
		s.takeSent()
	}
	return nil
}

// takeSent takes the stamp of the request from the socket's error queue. It is there as soon as the
// request has been handed to a device, or later if the neighbour's address had to be found first.
// What is in that queue has to be taken, or the socket looks ready to be read for ever.
func (s *linuxSocket) takeSent() {
	var nothing [1]byte // a stamp comes without data
	if _, stamp, _ := wallclock.TakeSent(s.fd, nothing[:], s.control[:]); s.sent == 0 {
		s.sent = stamp
	}
}

func (s *linuxSocket) receive(ctx context.Context, b []byte) (n int, err error) {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = s.file.SetReadDeadline(past()) })
	defer stop()
	var failed error
	err = raw.Read(func(uintptr) (done bool) {
		if n, failed = s.read(b); failed != unix.EAGAIN {
			return true
		}
		if s.stamped {
			s.takeSent()
		}
		return false
	})
	if err != nil {
		return 0, err
	}
	return n, os.NewSyscallError("recvmsg", failed)
}

// read takes one datagram and its stamp.
func (s *linuxSocket) read(b []byte) (int, error) {
	var control []byte
	if s.stamped {
		control = s.control[:]
	}
	s.received = 0
	return retry(func() (int, error) {
		n, inControl, _, _, err := syscall.Recvmsg(s.fd, b, control, 0)
		if err == nil && inControl > 0 {
			s.received = wallclock.SoftwareStamp(control[:inControl])
		}
		return n, err
	})
}

func (s *linuxSocket) close() error { return s.file.Close() }

func (s *linuxSocket) stamps() (sent, received int64) { return s.sent, s.received }

func (s *linuxSocket) wasSet() bool { return s.watch.WasSet() }

// settle waits until the kernel is known to do what it says, if that is soon.
func (s *linuxSocket) settle(ctx context.Context, counter monotonic.Counter) {
	if s.stamped && s.sharp {
		wallclock.Settle(ctx, counter, sharpDelay)
	}
}

func (s *linuxSocket) readFirst(counter monotonic.Counter) (r wallclock.Reading, ok bool) {
	switch {
	case !s.stamped:
		return r, false
	case s.sharp:
		return s.readSteered(counter)
	}
	r, err := wallclock.Read(counter)
	return r, err == nil
}

// readSteered is a first reading with what is known of the steering. The watch of that takes the place of the socket's own.
func (s *linuxSocket) readSteered(counter monotonic.Counter) (wallclock.Reading, bool) {
	r, watch, err := wallclock.ReadSteered(counter)
	s.watch = watch
	return r, err == nil
}

func (s *linuxSocket) readLast(counter monotonic.Counter) (r wallclock.Reading, ok bool) {
	var err error
	if s.sharp {
		_, _ = wallclock.ReadWallLast(counter) // the first one after a wait takes longer, and what it takes makes δ longer
		r, err = wallclock.ReadLast(counter)
	} else {
		r, err = wallclock.ReadWallLast(counter)
	}
	return r, err == nil
}

// retry repeats a call that a signal has interrupted: the runtime sends some to itself.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
