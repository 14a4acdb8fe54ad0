//go:build unix

package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// holdPort returns a loopback UDP port, and keeps it from being given to anybody else until release
// is called. A daemon that shares its port, as chronyd does, can bind it meanwhile.
func holdPort() (port int, release func(), err error) {
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) {
			err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		})
		return errors.Join(controlErr, err)
	}}
	conn, err := shared.ListenPacket(context.Background(), "udp4", loopback(0).String())
	if err != nil {
		return 0, nil, fmt.Errorf("find a free UDP port: %w", err)
	}
	return conn.LocalAddr().(*net.UDPAddr).Port, func() { _ = conn.Close() }, nil
}
