//go:build !linux

package ntpserver

import (
	"context"
	"errors"
	"net/netip"
)

type socket struct{}

func (*socket) interrupt() {}
func (*socket) close()     {}

type worker struct {
	socket   *socket
	counters counters
}

type steered struct{}

func (*Server) askKernel(context.Context) {}

func newWorker(*Server, *socket) *worker { return nil }
func (*worker) run() error               { return nil }

func listen(at netip.AddrPort, _ int, _ bool) ([]*socket, netip.AddrPort, error) {
	return nil, at, errors.New("the NTP server needs Linux")
}

// Everywhere is port 123 at every address of the host.
func Everywhere() []netip.AddrPort {
	return []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), 123), netip.AddrPortFrom(netip.IPv6Unspecified(), 123)}
}
