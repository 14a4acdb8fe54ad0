package ntpsrc

import (
	"net/netip"
	"time"
)

// How often a server likes to be asked, as far as its address tells. Operators of public servers
// expect no poll more often than every 16 s (2⁴ s is the least that ntpd would use unless it was
// forced to); one on a network of one's own is not troubled by one a second.
//
// The poll field of a reply says nothing about this: chronyd and ntpd send back what the request
// had. A server that is asked too often says RATE.
const (
	publicPace  = 16 * time.Second
	privatePace = time.Second
)

func pace(a netip.Addr) time.Duration {
	if a = a.Unmap(); a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || sharedSpace.Contains(a) {
		return privatePace
	}
	return publicPace
}

// sharedSpace is used between providers and their customers (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
