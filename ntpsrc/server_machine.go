package ntpsrc

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
)

// One machine has one vote, however many addresses lead to it. What its replies show is for the
// clock to compare (Sample.Identity). This file is about what the addresses alone show: some
// spellings of one address, and IPv6 addresses that a translator or a tunnel makes of an IPv4
// address.

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052 section 2.1
	sixTo4  = netip.MustParsePrefix("2002::/16")    // RFC 3056 section 2
	bits32s = [...]int{32, 40, 48, 56, 64, 96}      // the lengths of a translator's prefix (RFC 6052 section 2.2)
)

// machineAt returns the address by which a machine is known that has the given one. It is the IPv4
// address that the given one stands for, if it is known to stand for one, and the address itself
// otherwise.
func machineAt(a netip.Addr) netip.Addr {
	a = a.Unmap()
	b := a.As16()
	switch {
	case a.Is4():
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixTo4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	case a.Zone() != "":
		return a.WithZone(interfaceName(a.Zone()))
	}
	return a
}

// interfaceName returns the name of a network interface that is given by its name or its number.
func interfaceName(zone string) string {
	if number, err := strconv.Atoi(zone); err == nil {
		if i, err := net.InterfaceByIndex(number); err == nil {
			return i.Name
		}
	}
	return zone
}

// machineAmong is machineAt for one of the addresses of a name. A network's own translator has a
// prefix that nobody else knows. So an IPv6 address that contains an IPv4 address of the same name,
// where a translator would put it, is taken to lead to the same machine. At worst the name has one
// server less.
func machineAmong(found []netip.Addr, a netip.Addr) netip.Addr {
	m := machineAt(a)
	if m.Is4() {
		return m
	}
	b := m.As16()
	for _, bits := range bits32s {
		var v4 [4]byte
		at := bits / 8
		for i := range v4 {
			if at == 8 {
				at++ // the byte that is always 0
			}
			v4[i] = b[at]
			at++
		}
		if inside := netip.AddrFrom4(v4); !inside.IsUnspecified() && slices.ContainsFunc(found, func(f netip.Addr) bool { return f.Unmap() == inside }) {
			return inside
		}
	}
	return m
}

// peer says who has answered, for [truetime.Sample]. A port does not make another machine, but for
// two cases: what listens on the loopback interface belongs to this host, which is trusted as it
// is, and is somebody's test more often than not; and the user may know that a router forwards the
// ports of one address to several machines.
func (p *place) peer(c candidate) string {
	if c.machine.IsLoopback() || p.forwarded {
		return netip.AddrPortFrom(c.machine, p.port).String()
	}
	return c.machine.String()
}
