package webserver

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"syscall"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// ParseAddress reads an address to listen at.
func ParseAddress(text string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%.60q is no address with a port, as 127.0.0.1:9123 or [::1]:9123", text)
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// Check says what is wrong with addresses to listen at.
func Check(addresses []netip.AddrPort) error {
	var m mistakes.List
	seen := map[netip.AddrPort]bool{}
	for _, a := range addresses {
		switch {
		case a.Addr().IsMulticast() || a.Addr() == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
			m.Addf("listen at %v: it is not the address of one host", a)
		case seen[a] && a.Port() != 0:
			m.Addf("listen at %v: it is there twice", a)
		}
		seen[a] = true
	}
	return m.Err()
}

// Listen opens a listener at each address, or none.
func Listen(addresses []netip.AddrPort) (all []net.Listener, err error) {
	for _, at := range addresses {
		network := "tcp4"
		if at.Addr().Is6() {
			network = "tcp6" // and so [::] does not take the port of 0.0.0.0
		}
		l, err := net.Listen(network, at.String())
		if err != nil {
			for _, open := range all {
				_ = open.Close()
			}
			return nil, explain(at, err)
		}
		all = append(all, limit(l))
	}
	return all, nil
}

// explain says in one sentence why nobody can listen at an address, and what to do.
func explain(at netip.AddrPort, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("cannot listen at %v: another program does; stop it, or give another port: %w", at, syscall.EADDRINUSE)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot listen at %v: no permission; give a port above 1023, or run as root or with CAP_NET_BIND_SERVICE: %w", at, fs.ErrPermission)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen at %v: this host has no such address; give one that it has, or 127.0.0.1: %w", at, syscall.EADDRNOTAVAIL)
	}
	return fmt.Errorf("cannot listen at %v: %w", at, err)
}
