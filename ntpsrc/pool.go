package ntpsrc

import (
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// maxPool is how many servers may be taken from one name.
const maxPool = 64

// Pool returns n sources, 1 to 64, each of which asks another of the servers that a name has:
//
//	sources := ntpsrc.Pool("2.pool.ntp.example", 4)
//
// They are for one clock: see "Several clocks" in the package's documentation. Each source has a
// vote of its own. Where one operator runs all the servers they should have one vote together:
// truetime.Group("name", ntpsrc.Pool(…)...).
//
// # Who has a vote
//
// Each source has a place, and each place belongs to the first server of the name whose answer the
// clock uses. The assumption that at most f voters are wrong ([truetime.New]) is made about these
// servers. A server that does not answer, refuses service or cannot be used, and has not had the
// vote yet, is left for another at the next poll. So is one that is another voter of the clock
// already, by its address.
//
// A server that has had the vote keeps its place for as long as the process runs, however long it
// is silent: otherwise whoever can drop packets could have honest servers replaced by lying ones
// until these are the majority. What it has said goes on counting, and widens. It is replaced only
// if the clock finds it wrong in eight polls in a row, since then nobody who comes in its place can
// make one voter more wrong. [WithReplaceAfter] replaces silent ones too, and says what has to be
// assumed then.
//
// The name is resolved when a place is free and there is nobody left to ask, at most every minute,
// and less and less often as long as that brings nothing new. Servers that have a place keep it
// whatever becomes of the name. Addresses of that kind, IPv4 or IPv6, that has answered come first.
// A name with more than 256 addresses is refused.
//
// A mistake in the name, the number or the options is reported by [truetime.New].
func Pool(name string, n int, options ...PoolOption) []truetime.Source {
	base := server{name: name, config: configure(options)}
	parsed, err := parseAddress(name)
	switch {
	case err != nil:
		base.config.Add(err)
	case parsed.ip.IsValid():
		base.config.Addf("pool %.80q is one address: give a name that has several, or use Server", name)
	default:
		base.name = parsed.String()
	}
	if n < 1 || n > maxPool {
		base.config.Addf("pool %.80q of %d servers: it must be 1 to %d", name, n, maxPool)
		n = 1
	}
	roster := newRoster(parsed.host)
	var sources []truetime.Source
	for i := range n {
		sources = append(sources, &server{
			name:   fmt.Sprintf("%s#%d", base.name, i+1),
			config: base.config,
			place: &place{
				roster: roster, port: parsed.port, pooled: true,
				replaceAfter: base.config.replaceAfter, forwarded: base.config.forwarded,
			},
		})
	}
	return sources
}
