package testbed

import (
	"errors"
	"fmt"
	"net"
)

// errPortTaken is why a daemon was not started: somebody else has its port.
var errPortTaken = errors.New("the UDP port is taken")

// freePort returns a loopback UDP port that nobody had a moment ago.
func freePort() (int, error) {
	conn, err := net.ListenUDP("udp4", loopback(0))
	if err != nil {
		return 0, fmt.Errorf("find a free UDP port: %w", err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port, nil
}

// checkPortFree returns an error that wraps errPortTaken while anybody has the port.
//
// It must be asked before chronyd is started, because chronyd would not notice: it binds with
// SO_REUSEPORT, and two daemons on one port share its requests silently, a test asking the one and
// being answered by the other.
func checkPortFree(port int) error {
	conn, err := net.ListenUDP("udp4", loopback(port))
	if err != nil {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return conn.Close()
}

func loopback(port int) *net.UDPAddr {
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
}
