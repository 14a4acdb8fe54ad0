package node

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	lookAgain    = 5 * time.Minute  // a name is looked up so often,
	lookAfter    = 3                // and after so many requests without a reply,
	lookRetry    = 30 * time.Second // or so long after that has failed, where addresses of before are known
	lookPatience = 5 * time.Second
	lookList     = 30 * time.Second
)

// resolver finds the addresses of entries.
type resolver struct {
	listening []netip.AddrPort
	lookUp    func(ctx context.Context, entry string) ([]netip.AddrPort, error)
	addresses func() []netip.Addr // of this host

	mu    sync.Mutex
	known map[string]*resolved
}

// resolved is a name that has been looked up.
type resolved struct {
	all   []netip.AddrPort
	until time.Time // it is looked up again
	err   error     // why the last time has failed; the addresses are those of before
	turn  int       // of the one that is asked
	lost  int
}

func newResolver(listening []netip.AddrPort) *resolver {
	return &resolver{listening: listening, lookUp: lookUp, addresses: hostAddresses, known: map[string]*resolved{}}
}

// resolve returns where to ask, and whether that is this machine.
func (r *resolver) resolve(ctx context.Context, entry string) (to netip.AddrPort, self bool, err error) {
	if at, err := netip.ParseAddrPort(entry); err == nil {
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		return at, r.isOwn(at, r.addresses()), nil
	}
	r.mu.Lock()
	k := r.known[entry]
	if k != nil && (k.err != nil || k.lost < lookAfter) && time.Until(k.until) > 0 {
		to = k.all[k.turn%len(k.all)]
		r.mu.Unlock()
		return to, r.isOwn(to, r.addresses()), nil
	}
	r.mu.Unlock()
	all, err := r.lookUp(ctx, entry)
	next := &resolved{all: all, until: time.Now().Add(lookAgain)}
	switch {
	case err != nil && k == nil:
		return to, false, err
	case err != nil: // whoever answers at the address of before is asked, or an outage of DNS would end all comparisons
		next = &resolved{all: k.all, until: time.Now().Add(lookRetry), err: err, turn: k.turn}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if k != nil && k.lost >= lookAfter {
		next.turn = k.turn + 1 // it may have several, of which one is of no use
	}
	r.known[entry] = next
	to = next.all[next.turn%len(next.all)]
	return to, r.isOwn(to, r.addresses()), nil
}

// trouble returns why a name could not be looked up last, empty if it could.
func (r *resolver) trouble(entry string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.known[entry]; k != nil && k.err != nil {
		return k.err.Error()
	}
	return ""
}

func (r *resolver) answered(entry string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.known[entry]; k != nil {
		k.lost = 0
	}
}

func (r *resolver) lost(entry string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.known[entry]; k != nil {
		k.lost++
	}
}

// isOwn reports whether this machine listens there itself, on a host that has these addresses.
func (r *resolver) isOwn(at netip.AddrPort, addresses []netip.Addr) bool {
	for _, own := range r.listening {
		switch {
		case own.Port() != at.Port() || own.Addr().Is4() != at.Addr().Is4():
		case own.Addr() == at.Addr():
			return true
		case own.Addr().IsUnspecified() && (at.Addr().IsLoopback() || slices.Contains(addresses, at.Addr().WithZone(""))):
			return true
		}
	}
	return false
}

// hostAddresses returns the addresses that this host has now, and none if that cannot be found out: its own reply tells then.
func hostAddresses() (all []netip.Addr) {
	found, _ := net.InterfaceAddrs()
	for _, one := range found {
		if prefix, ok := one.(*net.IPNet); ok {
			if own, ok := netip.AddrFromSlice(prefix.IP); ok {
				all = append(all, own.Unmap())
			}
		}
	}
	return all
}

// lookUp returns the addresses of host:port, those of IPv4 first, sorted.
func lookUp(ctx context.Context, entry string) (all []netip.AddrPort, err error) {
	host, portText, err := net.SplitHostPort(entry)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("its name cannot be looked up: %w", err)
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("the name %s has no address", host)
	}
	for _, a := range addresses {
		all = append(all, netip.AddrPortFrom(a.Unmap(), uint16(port)))
	}
	slices.SortFunc(all, func(a, b netip.AddrPort) int {
		return cmp.Or(cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen()), a.Compare(b))
	})
	return slices.Compact(all), nil
}

// findMyself looks which of the entries that are addresses are this machine at present: addresses change while it runs. It returns those that are names and
// were this machine when they were looked up. Other names are looked up when they are asked.
func (n *Node) findMyself() (names []string) {
	addresses := n.resolver.addresses()
	if addresses == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	located := n.machine.Located()
	for _, entry := range n.machine.Entries() {
		at, err := netip.ParseAddrPort(entry)
		switch {
		case err != nil && slices.Contains(located, entry):
			names = append(names, entry)
		case err != nil:
		case n.resolver.isOwn(netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), addresses):
			n.machine.Myself(entry)
		default:
			n.machine.NotMyself(entry)
		}
	}
	return names
}

// lookAgainAt looks a name up that was this machine.
func (n *Node) lookAgainAt(ctx context.Context, name string) {
	if _, self, err := n.resolver.resolve(ctx, name); self || err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.machine.NotMyself(name)
}

// followList looks the list of peers up, again and again. Where it names machines by IPv4 and by IPv6, those of IPv4 count, or
// each of them would be there twice.
func (n *Node) followList(ctx context.Context) {
	for ctx.Err() == nil {
		all, err := lookUp(ctx, n.config.List)
		var entries []string
		for _, at := range all {
			if at.Addr().Is4() == all[0].Addr().Is4() {
				entries = append(entries, at.String())
			}
		}
		slices.Sort(entries)
		n.mu.Lock()
		if ctx.Err() == nil {
			n.list = err
		}
		if err == nil && !slices.Equal(entries, n.machine.Entries()) {
			n.machine.SetPeers(entries)
		}
		n.mu.Unlock()
		n.findMyself()
		wait := lookList
		if err != nil {
			wait = lookPatience
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}
