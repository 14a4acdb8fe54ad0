package ntpsrc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// These tests run clocks on real sockets. The servers serve this host's wall clock, so that true
// time is known.

// network is a set of NTP servers and of names that lead to them.
type network struct {
	t       *testing.T
	port    string
	servers map[string]*ntptest.Server // by address
	names   map[string]*atomic.Pointer[[]netip.Addr]
}

func newNetwork(t *testing.T) *network {
	return &network{t: t, servers: map[string]*ntptest.Server{}, names: map[string]*atomic.Pointer[[]netip.Addr]{}}
}

// serve starts a server at an address, at the port that all of them have.
func (n *network) serve(address string, b ntptest.Behavior) *ntptest.Server {
	n.t.Helper()
	s, port, err := startAtPort(address, n.port, b)
	if err != nil && netip.MustParseAddr(address).Is6() {
		n.t.Skip("this machine has no IPv6 loopback, or something else has the port there:", err)
	}
	require.NoError(n.t, err)
	n.t.Cleanup(func() { s.Close() })
	n.port = port
	n.servers[address] = s
	return s
}

// name has a name lead to addresses, from now on.
func (n *network) name(name string, addresses ...string) {
	var found []netip.Addr
	for _, a := range addresses {
		found = append(found, netip.MustParseAddr(a))
	}
	if n.names[name] == nil {
		n.names[name] = new(atomic.Pointer[[]netip.Addr])
	}
	n.names[name].Store(&found)
}

// at is a name or an address with the port.
func (n *network) at(host string) string { return net.JoinHostPort(host, n.port) }

// resolving has the sources find their names in this network.
func (n *network) resolving(sources ...truetime.Source) []truetime.Source {
	for _, s := range sources {
		if r := s.(*server).place.roster; r != nil {
			r.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
				return append([]netip.Addr(nil), *n.names[host].Load()...), nil
			}
		}
	}
	return sources
}

// start starts a clock and waits until it has an answer.
func (n *network) start(sources []truetime.Source) *truetime.Clock {
	n.t.Helper()
	clock, err := truetime.New(sources, truetime.WithPoll(10*time.Millisecond, 50*time.Millisecond))
	require.NoError(n.t, err)
	n.t.Cleanup(func() { clock.Close() })
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	require.NoError(n.t, clock.WaitSynchronized(ctx, time.Second), func() any { return clock.Status() })
	return clock
}

// contains looks at the clock until done, and fails if an answer does not contain true time.
func (n *network) contains(clock *truetime.Clock, done func() bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	for !done() {
		require.NoError(n.t, ctx.Err(), "%+v", clock.Status())
		before := truetime.FromStd(time.Now())
		i, err := clock.Now()
		after := truetime.FromStd(time.Now())
		if err == nil && (i.Earliest > after || i.Latest < before) {
			n.t.Fatalf("true time is between %v and %v, and the answer is %v; f is %d of %d\n%v", before, after, i, clock.Status().Faulty, clock.Status().Voters, verdicts(clock))
		}
		time.Sleep(time.Millisecond) // no more than a pause between looks
	}
}

func verdicts(clock *truetime.Clock) (all string) {
	for _, s := range clock.Status().Sources {
		all += fmt.Sprintf("%s: %v: %v\n", s.Name, s.Verdict, s.Err)
	}
	return all
}

// asked waits until a server has been asked so many times more.
func asked(s *ntptest.Server, times int) func() bool {
	until := s.Requests() + times
	return func() bool { return s.Requests() >= until }
}

// Half the servers of the name are somebody's who can also drop or forge packets. None of them has
// a vote at first. He makes three of five honest servers silent, and f is 2.
func TestWhoSilencesServersOfAPoolGetsNoneOfTheirVotes(t *testing.T) {
	for how, behavior := range map[string]ntptest.Behavior{
		"by dropping packets":                {Silent: true},
		"by refusing service for them":       {Kiss: "DENY"},
		"by asking for fewer polls for them": {Kiss: "RATE"},
		"by making them unsynchronized":      {Leap: 3},
		"by making them worthless":           {Dispersion: time.Hour},
	} {
		for of, make := range map[string]func(n *network) []truetime.Source{
			"a pool": func(n *network) []truetime.Source { return Pool(n.at("pool.example.net"), 5) },
			"names of several servers each": func(n *network) (sources []truetime.Source) {
				for i := range 5 {
					name := fmt.Sprintf("%d.pool.example.net", i)
					n.name(name, fmt.Sprintf("127.0.78.%d", i+1), fmt.Sprintf("127.0.78.%d", i+6))
					sources = append(sources, Server(n.at(name)))
				}
				return sources
			},
		} {
			t.Run(how+", of "+of, func(t *testing.T) {
				t.Parallel()
				n := newNetwork(t)
				var honest, hostile []*ntptest.Server
				var all []string
				for i := range 10 {
					a := fmt.Sprintf("127.0.78.%d", i+1)
					all = append(all, a)
					b := ntptest.Behavior{Dispersion: time.Millisecond}
					if i >= 5 {
						b.Offset = time.Hour
						hostile = append(hostile, n.serve(a, b))
					} else {
						honest = append(honest, n.serve(a, b))
					}
				}
				n.name("pool.example.net", all...)
				clock := n.start(n.resolving(make(n)...))
				n.contains(clock, asked(honest[2], 5)) // all have voted
				for _, s := range honest[:3] {
					s.Set(behavior)
				}
				n.name("pool.example.net", all[5:]...) // he may have the name, too
				n.contains(clock, asked(honest[4], 60))
				for _, s := range hostile {
					require.Zero(t, s.Requests(), "nobody was replaced")
				}
			})
		}
	}
}

// Whoever has no place yet takes a server that nobody else has, and all of them vote.
func TestEverySourceFindsAServerThatNoOtherSourceHas(t *testing.T) {
	addresses := []string{"127.0.79.1", "127.0.79.2", "127.0.79.3", "127.0.79.4"}
	for of, make := range map[string]func(n *network) []truetime.Source{
		"names of the same servers": func(n *network) []truetime.Source {
			return []truetime.Source{Server(n.at("a.example.net")), Server(n.at("b.example.net")), Server(n.at("c.example.net")), Server(n.at("d.example.net"))}
		},
		"a pool and servers of it": func(n *network) []truetime.Source {
			return append(Pool(n.at("a.example.net"), 2), Server(n.at("127.0.79.1")), Server(n.at("127.0.79.2")))
		},
		"servers and a pool that has them": func(n *network) []truetime.Source {
			return append([]truetime.Source{Server(n.at("127.0.79.1")), Server(n.at("b.example.net"))}, Pool(n.at("a.example.net"), 2)...)
		},
		"two pools of the same servers": func(n *network) []truetime.Source {
			return append(Pool(n.at("a.example.net"), 2), Pool(n.at("b.example.net"), 2)...)
		},
		"a large pool and a small one": func(n *network) []truetime.Source {
			return append(Pool(n.at("a.example.net"), 3), Pool(n.at("b.example.net"), 1)...)
		},
	} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			for _, a := range addresses {
				n.serve(a, ntptest.Behavior{Dispersion: time.Millisecond})
			}
			for i, name := range []string{"a.example.net", "b.example.net", "c.example.net", "d.example.net"} {
				n.name(name, append(addresses[i%2:len(addresses):len(addresses)], addresses[:i%2]...)...)
			}
			clock := n.start(n.resolving(make(n)...))
			n.contains(clock, func() bool {
				for _, s := range clock.Status().Sources {
					if s.Verdict != truetime.Truechimer || s.Err != nil {
						return false
					}
				}
				return true
			})
		})
	}
}

// Names that have too few servers for all: whoever comes too late has no vote, and the others have
// theirs.
func TestASourceWithoutAServerOfItsOwnTakesNoVoteFromAnother(t *testing.T) {
	n := newNetwork(t)
	for _, a := range []string{"127.0.79.11", "127.0.79.12", "127.0.79.13"} {
		n.serve(a, ntptest.Behavior{Dispersion: time.Millisecond})
	}
	n.name("a.example.net", "127.0.79.11", "127.0.79.12", "127.0.79.13")
	n.name("b.example.net", "127.0.79.12", "127.0.79.11")
	clock := n.start(n.resolving(append(Pool(n.at("a.example.net"), 3), Server(n.at("b.example.net")))...))
	n.contains(clock, asked(n.servers["127.0.79.13"], 50))
	var voters int
	for _, s := range clock.Status().Sources {
		if s.Verdict == truetime.Truechimer {
			voters++
		}
	}
	require.Equal(t, 3, voters, verdicts(clock))
}

// Packets of IPv6 vanish, and the resolver puts IPv6 first.
func TestAClockStartsWhereOneKindOfAddressIsBroken(t *testing.T) {
	t.Parallel()
	for of, make := range map[string]func(n *network) []truetime.Source{
		"a pool of one":  func(n *network) []truetime.Source { return Pool(n.at("ntp.example.net"), 1) },
		"a pool of four": func(n *network) []truetime.Source { return Pool(n.at("ntp.example.net"), 4) },
		"a server":       func(n *network) []truetime.Source { return []truetime.Source{Server(n.at("ntp.example.net"))} },
	} {
		t.Run(of, func(t *testing.T) {
			n := newNetwork(t)
			dead := n.serve("::1", ntptest.Behavior{Silent: true})
			addresses := []string{"::1"}
			for i := range 4 {
				a := fmt.Sprintf("127.0.79.%d", 21+i)
				n.serve(a, ntptest.Behavior{Dispersion: time.Millisecond})
				addresses = append(addresses, a)
			}
			n.name("ntp.example.net", addresses...)
			clock := n.start(n.resolving(make(n)...))
			require.LessOrEqual(t, dead.Requests(), 2)
			n.contains(clock, func() bool {
				for _, s := range clock.Status().Sources {
					if s.Verdict != truetime.Truechimer {
						return false
					}
				}
				return true
			})
			require.LessOrEqual(t, dead.Requests(), 2)
		})
	}
}
