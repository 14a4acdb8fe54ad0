// Package hostname reads the host of a server as a user writes it. What it accepts has one written
// form, so that one server has one name.
package hostname

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads the IP address or the host name of one server, without a port. It returns the one or
// the other, the name in lower case. A final dot is dropped, also that of an IP address: resolvers
// accept it there, too.
func Parse(s string) (ip netip.Addr, name string, err error) {
	host := strings.TrimSuffix(s, ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		if !validZone(ip.Zone()) {
			return netip.Addr{}, "", fmt.Errorf("%.80q is not the zone of an address: "+
				"give the name or the number of an interface after the %%", ip.Zone())
		}
		if ip.IsUnspecified() || ip.IsMulticast() {
			return netip.Addr{}, "", fmt.Errorf("%v is not the address of one server", ip)
		}
		return ip, "", nil
	}
	if name = strings.ToLower(host); !valid(name) {
		return netip.Addr{}, "", fmt.Errorf("%.80q is neither a host name nor an IP address", s)
	}
	return netip.Addr{}, name, nil
}

const maxLength = 253 // RFC 1035 section 2.3.4, without the final dot

// valid reports whether s is a host name in lower case without a final dot.
func valid(s string) bool {
	if s == "" || len(s) > maxLength {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
				return false
			}
		}
	}
	return true
}

// validZone reports whether an interface can have the name, which may be empty. [netip.ParseAddr]
// takes anything after the % for a zone, also what nobody could tell from a port or an end of the
// address.
func validZone(s string) bool {
	const maxZone = 64 // Linux has 15 bytes, and Windows writes more
	return len(s) <= maxZone && utf8.ValidString(s) && !strings.HasSuffix(s, ".") && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) || strings.ContainsRune("%[]/:", r)
	})
}
