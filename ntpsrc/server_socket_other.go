//go:build !linux

package ntpsrc

import "net/netip"

// openSocket opens a socket to the server. Elsewhere than on Linux the kernel's stamps are not
// used.
func openSocket(to netip.AddrPort, _ stamping) (socket, error) { return openPlain(to) }
