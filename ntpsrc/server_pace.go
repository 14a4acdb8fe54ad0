package ntpsrc

import (
	"net/netip"
	"time"
)

// How often a server likes to be asked, as far as its address tells. Operators of public servers
// expect no poll more often than every 16 s (2⁴ s is the least that ntpd would use unless it was
// forced to), and NIST refuses service to whoever asks more often than every 4 s; one on a network
// of one's own is not troubled by one a second. A clock heeds the former where it chooses its own
// pace, and 4 s in any case: see MinPoll in [truetime.Sample].
//
// The poll field of a reply says nothing about this: chronyd and ntpd send back what the request
// had. A server that is asked too often says RATE.
const (
	publicPace  = 16 * time.Second
	privatePace = time.Second
)

// WithPrivate declares that the server is one's own, or that whoever runs it agrees to be asked as
// often as the clock likes: once a second and more. By default only servers with a loopback,
// private, link-local or carrier-grade NAT address are taken for such (RFC 1918, 4193, 6598). All
// others are asked every 16 s at most where the clock chooses its own pace, and every 4 s at most
// in bursts and whatever [truetime.WithPoll] says. The danger of a wrong declaration is to be
// refused service.
func WithPrivate() NetworkOption {
	return option(func(c *config) { c.private = true })
}

// pace is how often a server at an address likes to be asked.
func (c config) pace(a netip.Addr) time.Duration {
	if a = a.Unmap(); c.private || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || sharedSpace.Contains(a) {
		return privatePace
	}
	return publicPace
}

// sharedSpace is used between providers and their customers (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
