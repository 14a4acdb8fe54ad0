package testbed

import (
	"net"
	"testing"
)

// holdUDP returns a UDP port of loopback that nobody else is given before the test ends, whether
// the daemon that is to serve there runs, is yet to start or starts again.
//
// To find a free port and let go of it is not enough: any client's socket may be given it before
// the daemon asks for it. chronyd goes on without a port that it cannot have.
func holdUDP(t testing.TB) int {
	t.Helper()
	return hold(t, "UDP", holdUDPSocket)
}

// HoldTCP does the same for a TCP port, and until a daemon serves there who connects is refused.
func HoldTCP(t testing.TB) int {
	t.Helper()
	return hold(t, "TCP", holdTCPSocket)
}

func hold(t testing.TB, kind string, socket func() (port int, release func(), err error)) int {
	t.Helper()
	port, release, err := socket()
	if err != nil {
		t.Fatalf("testbed: hold a %s port: %v", kind, err)
	}
	t.Cleanup(release)
	return port
}

func loopback(port int) *net.UDPAddr {
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
}
