package ntpserver

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/socketaddress"
)

// socket is one of those that share an address.
type socket struct {
	fd    int
	file  *os.File        // fd, watched by the runtime's poller
	raw   syscall.RawConn // of file
	where netip.AddrPort
	wild  bool // it takes requests to any address of the host

	interrupted atomic.Bool
}

// listen opens so many sockets that share an address. The first is bound alone, which fails if
// anybody has the address: with SO_REUSEPORT from the beginning, two daemons of one user would share
// a port and each get a part of its requests, without a word.
func listen(at netip.AddrPort, count int, stamped bool) (all []*socket, bound netip.AddrPort, err error) {
	defer func() {
		if err != nil {
			for _, s := range all {
				s.close()
			}
		}
	}()
	bound = at
	for i := range count {
		s, err := openSocket(bound, i > 0, stamped)
		if err != nil {
			return all, bound, fmt.Errorf("listen at %v: %w", bound, explain(err))
		}
		all = append(all, s)
		if i > 0 {
			continue
		}
		if bound, err = s.address(); err != nil {
			return all, bound, fmt.Errorf("listen at %v: %w", at, err)
		}
		s.where = bound
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil && count > 1 {
			return all, bound, fmt.Errorf("listen at %v: %w", bound, os.NewSyscallError("setsockopt", err))
		}
	}
	return all, bound, nil
}

// Everywhere is port 123 at every address of the host: by IPv4, and by IPv6 where the host has it.
func Everywhere() []netip.AddrPort { return everywhere(hasFamily) }

func everywhere(has func(family int) bool) []netip.AddrPort {
	at := []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), 123)}
	if has(unix.AF_INET6) {
		at = append(at, netip.AddrPortFrom(netip.IPv6Unspecified(), 123))
	}
	return at
}

// hasFamily reports whether the host has a family of addresses. One that cannot be tried is taken to be there, so
// that whoever listens is told why it cannot be used.
func hasFamily(family int) bool {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return !errors.Is(err, unix.EAFNOSUPPORT)
}

// explain says what to do about an error of bind.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w; another NTP server has this port: stop it, or listen at another port or address", err)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w; ports below 1024 need the capability CAP_NET_BIND_SERVICE", err)
	case errors.Is(err, unix.EAFNOSUPPORT):
		return fmt.Errorf("%w; this host has no IPv6, or none for addresses of this kind: leave the address out of what is listened at", err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%w; no interface of this host has the address", err)
	}
	return err
}

func openSocket(at netip.AddrPort, share, stamped bool) (*socket, error) {
	family, address, err := socketaddress.Of(at)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd, file: os.NewFile(uintptr(fd), "udp"), where: at, wild: at.Addr().IsUnspecified()}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		s.close()
		return nil, err
	}
	if err := s.prepare(family, address, share, stamped); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) prepare(family int, address unix.Sockaddr, share, stamped bool) error {
	type option struct{ level, name, value int }
	var options []option
	if family == unix.AF_INET6 {
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1})
	}
	// A host with several addresses replies from the one that was asked: clients take no other.
	switch {
	case s.wild && family == unix.AF_INET6:
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1})
	case s.wild:
		options = append(options, option{unix.IPPROTO_IP, unix.IP_PKTINFO, 1})
	}
	if share {
		options = append(options, option{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(s.fd, o.level, o.name, o.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if stamped {
		// A kernel that does not stamp is one that tells nothing about arrivals.
		const flags = unix.SOF_TIMESTAMPING_SOFTWARE | unix.SOF_TIMESTAMPING_RX_SOFTWARE
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags)
	}
	return os.NewSyscallError("bind", unix.Bind(s.fd, address))
}

func (s *socket) address() (netip.AddrPort, error) {
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	port := 0
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		port = a.Port
	case *unix.SockaddrInet6:
		port = a.Port
	}
	return netip.AddrPortFrom(s.where.Addr(), uint16(port)), nil
}

// interrupt ends the wait for requests, now and for ever. Whoever does not have to wait, as there are always
// more, looks at interrupted.
func (s *socket) interrupt() {
	s.interrupted.Store(true)
	_ = s.file.SetReadDeadline(time.Unix(1, 0))
}

func (s *socket) close() { _ = s.file.Close() }
