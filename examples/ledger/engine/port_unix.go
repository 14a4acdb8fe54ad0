//go:build unix && !solaris && !aix

package engine

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// shareable says that an address can be held by one process while another listens.
const shareable = true

// hold binds a socket that does not listen. Others of the same user that set SO_REUSEPORT, too, can
// bind the port, and nobody else; connections go to those that listen (socket(7)).
func hold(port int) (io.Closer, error) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(s)
	holder := os.NewFile(uintptr(s), "held port")
	// First alone: of those that share ports it would be one more.
	if err = unix.Bind(s, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err == nil {
		err = unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err != nil {
		holder.Close()
		return nil, os.NewSyscallError("hold a port", err)
	}
	return holder, nil
}

// ListenHeld listens at an address that is held.
func ListenHeld(address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(s uintptr) {
			failed = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		})
		if err != nil {
			return err
		}
		return failed
	}}
	return config.Listen(context.Background(), "tcp", address)
}
