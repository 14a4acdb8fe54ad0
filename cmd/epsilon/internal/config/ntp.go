package config

import (
	"net/netip"
)

// NTP is what the daemon serves to other hosts.
type NTP struct {
	Listen    []netip.AddrPort
	PerSecond float64 // requests of one client that are answered in the long run; 0 for the server's default
	Burst     int     // and at once; 0 for the server's default
	Unlimited bool
	Workers   int // sockets for each address; 0 for one per processor, at most 4
}

// defaultListen is port 123 at every address of the host.
var defaultListen = []netip.AddrPort{
	netip.AddrPortFrom(netip.IPv4Unspecified(), 123),
	netip.AddrPortFrom(netip.IPv6Unspecified(), 123),
}

// readNTP reads [ntp], whose presence turns the NTP server on.
//
//	listen                       a list of addresses with their ports
//	limit_per_second, limit_burst, unlimited, workers
func (c *Config) readNTP(root *keys) {
	v := root.look("ntp")
	if v == nil {
		return
	}
	k := root.tableAt("ntp")
	n := &NTP{Listen: defaultListen}
	const must = `a list of addresses with their ports, as in ["0.0.0.0:123", "[::]:123"]`
	k.texts("listen", must, func(texts []string) {
		n.Listen = nil
		for _, text := range texts {
			at, err := netip.ParseAddrPort(text)
			if err != nil {
				k.m.addf(k.line("listen"), "listen: %q is no address with a port, as in %q", clip(text), "[::]:123")
				continue
			}
			n.Listen = append(n.Listen, at)
		}
	})
	k.number("limit_per_second", "requests a second", func(f float64) {
		n.PerSecond = f
		if !(f > 0 && f <= 1e6) {
			k.m.addf(k.line("limit_per_second"), "limit_per_second = %v: it must be above 0 and at most 1000000", f)
		}
	})
	k.integer("limit_burst", "a whole number of requests", func(i int) {
		n.Burst = i
		if i < 1 || i > 1_000_000 {
			k.m.addf(k.line("limit_burst"), "limit_burst = %d: it must be 1 to 1000000", i)
		}
	})
	k.boolean("unlimited", func(is bool) { n.Unlimited = is })
	if n.Unlimited && (n.PerSecond != 0 || n.Burst != 0) {
		k.m.addf(k.line("unlimited"), "unlimited excludes limit_per_second and limit_burst")
	}
	k.integer("workers", "a whole number of sockets for each address", func(i int) {
		n.Workers = i
		if i < 1 || i > 64 {
			k.m.addf(k.line("workers"), "workers = %d: it must be 1 to 64", i)
		}
	})
	k.rest()
	c.NTP = n
}

// SameServer reports whether both serve the same to other hosts.
func (c *Config) SameServer(other *Config) bool { return c.serverIdentity == other.serverIdentity }
