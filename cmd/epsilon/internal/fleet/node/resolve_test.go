package node

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
)

// idle is a node that does not run, whose host has one address and whose names are looked up in a map.
func idle(t *testing.T, address *netip.Addr, names map[string]netip.AddrPort, peers ...string) *Node {
	n, err := New(Config{Name: "a", Listen: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:0")}, Peers: peers, Faulty: fleet.Minority})
	require.NoError(t, err)
	t.Cleanup(n.Close)
	n.resolver.listening = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:4461")}
	n.resolver.addresses = func() []netip.Addr { return []netip.Addr{*address} }
	n.resolver.lookUp = func(_ context.Context, entry string) ([]netip.AddrPort, error) {
		if at, known := names[entry]; known {
			return []netip.AddrPort{at}, nil
		}
		return nil, errors.New("DNS is away")
	}
	return n
}

func TestAMachineThatHasMovedIsFoundAtItsNewAddress(t *testing.T) {
	address := netip.MustParseAddr("10.0.0.1")
	names := map[string]netip.AddrPort{"a.example:4461": netip.MustParseAddrPort("10.0.0.1:4461")}
	n := idle(t, &address, names, "10.0.0.1:4461", "10.0.0.2:4461", "10.0.0.3:4461", "a.example:4461")
	n.ask(t.Context(), "a.example:4461")
	require.Equal(t, []string{"a.example:4461"}, n.findMyself())
	require.Equal(t, []string{"10.0.0.1:4461", "a.example:4461"}, n.machine.Located())

	address = netip.MustParseAddr("10.0.0.2")
	for _, name := range n.findMyself() {
		n.lookAgainAt(t.Context(), name)
	}
	require.Equal(t, []string{"10.0.0.2:4461"}, n.machine.Located(), "another machine may have the old address")
	require.Equal(t, "10.0.0.2:4461", n.View().Entry)
}

// Who has answered at an address is asked there as long as DNS names no other.
func TestAnOutageOfDNSEndsNoComparison(t *testing.T) {
	address := netip.MustParseAddr("10.0.0.1")
	b := netip.MustParseAddrPort("10.0.0.2:4461")
	names := map[string]netip.AddrPort{"b.example:4461": b}
	n := idle(t, &address, names, "b.example:4461", "c.example:4461")
	r := n.resolver
	resolve := func() netip.AddrPort {
		to, _, err := r.resolve(t.Context(), "b.example:4461")
		require.NoError(t, err)
		return to
	}
	require.Equal(t, b, resolve())
	delete(names, "b.example:4461")
	expire := func() { r.known["b.example:4461"].until = time.Now() }
	expire()
	require.Equal(t, b, resolve())
	require.Equal(t, "DNS is away", r.trouble("b.example:4461"))
	for range lookAfter {
		r.lost("b.example:4461")
	}
	require.Equal(t, b, resolve(), "nobody is looked up for each request")

	moved := netip.MustParseAddrPort("10.0.0.9:4461")
	names["b.example:4461"] = moved
	require.Equal(t, b, resolve())
	expire()
	require.Equal(t, moved, resolve())
	require.Empty(t, r.trouble("b.example:4461"))

	_, _, err := r.resolve(t.Context(), "c.example:4461")
	require.ErrorContains(t, err, "DNS is away", "of c no address is known")
}
