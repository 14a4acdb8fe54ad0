package ntpsrc

import (
	"testing"
	"time"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// One machine of three lies. It has two addresses, ports or names, and so two of four sources.
func TestAMachineWithTwoAddressesHasOneVote(t *testing.T) {
	t.Parallel()
	reference := time.Now().Add(-time.Minute)
	liar := ntptest.Behavior{Offset: 10 * time.Millisecond, Dispersion: time.Millisecond, Identity: ntptest.Identity{ReferenceID: "GPS", Reference: reference}}
	for which, make := range map[string]func(n *network) []truetime.Source{
		"IPv4 and IPv6 of one pool": func(n *network) []truetime.Source {
			n.serve("::1", liar)
			n.name("pool.example.net", "127.0.80.1", "127.0.80.2", "127.0.80.3", "::1")
			return Pool(n.at("pool.example.net"), 4)
		},
		"two addresses of one pool": func(n *network) []truetime.Source {
			n.serve("127.0.80.4", liar)
			n.name("pool.example.net", "127.0.80.1", "127.0.80.2", "127.0.80.3", "127.0.80.4")
			return Pool(n.at("pool.example.net"), 4)
		},
		"a name and an address": func(n *network) []truetime.Source {
			n.serve("127.0.80.4", liar)
			n.name("ntp.example.net", "127.0.80.4")
			return Servers(n.at("127.0.80.1"), n.at("127.0.80.2"), n.at("127.0.80.3"), n.at("ntp.example.net"))
		},
		"a name and the same address": func(n *network) []truetime.Source {
			n.name("ntp.example.net", "127.0.80.3")
			return Servers(n.at("127.0.80.1"), n.at("127.0.80.2"), n.at("127.0.80.3"), n.at("ntp.example.net"))
		},
		"an address and how IPv6 writes it": func(n *network) []truetime.Source {
			n.name("ntp.example.net", "::ffff:127.0.80.3")
			return Servers(n.at("127.0.80.1"), n.at("127.0.80.2"), n.at("127.0.80.3"), n.at("ntp.example.net"))
		},
		"two ports": func(n *network) []truetime.Source {
			at := n.at("127.0.80.3")
			n.port = "0"
			second := n.serve("127.0.80.3", liar)
			n.port = at[len("127.0.80.3:"):]
			return Servers(n.at("127.0.80.1"), n.at("127.0.80.2"), at, second.Address())
		},
		"two names": func(n *network) []truetime.Source {
			n.serve("127.0.80.4", liar)
			n.name("ntp1.example.net", "127.0.80.3")
			n.name("ntp2.example.net", "127.0.80.4")
			return Servers(n.at("127.0.80.1"), n.at("127.0.80.2"), n.at("ntp1.example.net"), n.at("ntp2.example.net"))
		},
		"two pools": func(n *network) []truetime.Source {
			n.serve("127.0.80.4", liar)
			n.name("0.example.net", "127.0.80.1", "127.0.80.3")
			n.name("1.example.net", "127.0.80.2", "127.0.80.4")
			return append(Pool(n.at("0.example.net"), 2), Pool(n.at("1.example.net"), 2)...)
		},
	} {
		t.Run(which, func(t *testing.T) {
			n := newNetwork(t)
			honest := ntptest.Behavior{Dispersion: 20 * time.Millisecond}
			n.serve("127.0.80.1", honest)
			second := n.serve("127.0.80.2", honest)
			n.serve("127.0.80.3", liar)
			clock := n.start(n.resolving(make(n)...))
			n.contains(clock, asked(second, 60))
		})
	}
}
