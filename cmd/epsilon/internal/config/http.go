package config

import (
	"net/netip"

	"github.com/epsilontime/epsilon/internal/webserver"
)

// readHTTP reads [http], whose presence has the status page served.
//
//	listen (required)   a list of addresses with their ports
func (c *Config) readHTTP(root *keys) {
	if root.look("http") == nil {
		return
	}
	k := root.tableAt("http")
	const must = `a list of addresses with their ports, as in ["127.0.0.1:9123"]`
	k.texts("listen", must, func(texts []string) {
		var all []netip.AddrPort
		for _, text := range texts {
			at, err := webserver.ParseAddress(text)
			if err != nil {
				k.m.addf(k.line("listen"), "listen: %v", err)
				continue
			}
			all = append(all, at)
		}
		if err := webserver.Check(all); err != nil {
			k.m.addf(k.line("listen"), "listen: %v", err)
		}
		c.HTTP = all
	})
	if k.values["listen"] == nil {
		k.m.addf(k.table.line, `listen is missing: write listen = ["127.0.0.1:9123"], or another address of this host`)
	}
	k.rest()
}
