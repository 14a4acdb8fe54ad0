package config

import (
	"net/netip"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
)

// NTP is what the daemon serves to other hosts.
type NTP struct {
	Listen  []netip.AddrPort // nil for port 123 at every address of the host
	Limit   *ntpserver.Limit // nil for none
	Workers int              // sockets for each address; 0 for one per processor, at most 4

	ProgramStamps bool // the kernel's are not used, and it is not asked how it is steered
}

// readNTP reads [ntp], whose presence turns the NTP server on.
//
//	scale (required)             how what is served counts leap seconds: "smeared"
//	listen                       a list of addresses with their ports
//	limit_per_second, limit_burst, unlimited, workers, kernel_stamps (true by default)
func (c *Config) readNTP(root *keys) {
	if root.look("ntp") == nil {
		return
	}
	k := root.tableAt("ntp")
	n := &NTP{Limit: ntpserver.DefaultLimit()}
	objected := func(key string, err error) {
		if err != nil {
			k.m.addf(k.line(key), "%s: %v", key, err)
		}
	}
	// Whoever asks this server has to know it, so nobody serves it without having written it down.
	choice(k, "scale", map[string]struct{}{"smeared": {}}, func(struct{}) {})
	if k.values["scale"] == nil {
		k.m.addf(k.table.line, `scale is missing: write scale = "smeared", as UTC with steps is not served yet, and the same for this server in every Epsilon that asks it; other clients must not mix it with servers that step`)
	}
	const must = `a list of addresses with their ports, as in ["0.0.0.0:123", "[::]:123"]`
	k.texts("listen", must, func(texts []string) {
		for _, text := range texts {
			at, err := netip.ParseAddrPort(text)
			if err != nil {
				k.m.addf(k.line("listen"), "listen: %q is no address with a port, as in %q", clip(text), "[::]:123")
				continue
			}
			n.Listen = append(n.Listen, at)
		}
		objected("listen", ntpserver.CheckListen(n.Listen))
	})
	limited := ""
	k.number("limit_per_second", "requests a second", func(f float64) {
		limited = "limit_per_second"
		alone := *ntpserver.DefaultLimit()
		alone.PerSecond, n.Limit.PerSecond = f, f
		objected(limited, alone.Check())
	})
	k.integer("limit_burst", "a whole number of requests", func(i int) {
		limited = "limit_burst"
		alone := *ntpserver.DefaultLimit()
		alone.Burst, n.Limit.Burst = i, i
		objected(limited, alone.Check())
	})
	k.flag("unlimited", func() {
		n.Limit = nil
		if limited != "" {
			k.m.addf(k.line("unlimited"), "unlimited excludes %s", limited)
		}
	})
	k.boolean("kernel_stamps", func(wanted bool) { n.ProgramStamps = !wanted })
	k.integer("workers", "a whole number of sockets for each address", func(i int) {
		n.Workers = i
		objected("workers", ntpserver.CheckWorkers(i))
		if i == 0 {
			k.m.addf(k.line("workers"), "workers = 0: leave it out for one per processor")
		}
	})
	k.rest()
	c.NTP = n
}
