//go:build !unix || solaris || aix

package engine

import (
	"fmt"
	"io"
	"net"
)

// shareable says that an address can be held by one process while another listens.
const shareable = false

// hold only looks: this system has no port that two may bind and one listen at.
func hold(port int) (io.Closer, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	return nothing{}, l.Close()
}

type nothing struct{}

func (nothing) Close() error { return nil }

// ListenHeld listens at an address.
func ListenHeld(address string) (net.Listener, error) { return net.Listen("tcp", address) }
