// Package socketaddress turns an address and a port into what the kernel's calls take.
package socketaddress

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// Of returns the address family and the socket address. A zone is an interface's name or number.
func Of(at netip.AddrPort) (family int, address unix.Sockaddr, err error) {
	ip := at.Addr().Unmap()
	if ip.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: ip.As4()}, nil
	}
	a := &unix.SockaddrInet6{Port: int(at.Port()), Addr: ip.As16()}
	if zone := ip.Zone(); zone != "" {
		index, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			link, err := net.InterfaceByName(zone)
			if err != nil {
				return 0, nil, fmt.Errorf("the zone %q: %w", zone, err)
			}
			index = uint64(link.Index)
		}
		a.ZoneId = uint32(index)
	}
	return unix.AF_INET6, a, nil
}
