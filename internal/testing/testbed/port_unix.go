//go:build unix

package testbed

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// holdUDPSocket binds a port, shares it with sockets that ask to share theirs, as chronyd's do, and
// hears nobody: a connected socket is given what its peer sends, and its peer is itself.
func holdUDPSocket() (port int, release func(), err error) {
	return holdSocket(unix.SOCK_DGRAM, unix.Connect)
}

// holdTCPSocket binds a port and does not listen: who connects is refused until somebody does.
func holdTCPSocket() (port int, release func(), err error) {
	return holdSocket(unix.SOCK_STREAM, func(int, unix.Sockaddr) error { return nil })
}

func holdSocket(kind int, settle func(fd int, itself unix.Sockaddr) error) (port int, release func(), err error) {
	// A process that is started meanwhile must not inherit the socket.
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(unix.AF_INET, kind, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, nil, os.NewSyscallError("socket", err)
	}
	release = func() { _ = unix.Close(fd) }
	if port, err = occupy(fd, settle); err != nil {
		release()
		return 0, nil, err
	}
	return port, release, nil
}

func occupy(fd int, settle func(fd int, itself unix.Sockaddr) error) (port int, err error) {
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	itself, err := unix.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	// Shared only now: two that share from the start may be given the same port.
	for _, option := range []int{unix.SO_REUSEPORT} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
			return 0, os.NewSyscallError("setsockopt", err)
		}
	}
	return itself.(*unix.SockaddrInet4).Port, os.NewSyscallError("connect", settle(fd, itself))
}
