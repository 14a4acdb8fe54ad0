package api

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf returns the user who has connected, as the kernel has noted it then (SO_PEERCRED, unix(7)).
func peerOf(c *net.UnixConn) (uid uint32, known bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		if credentials, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid, known = credentials.Uid, true
		}
	})
	return uid, known && err == nil
}
