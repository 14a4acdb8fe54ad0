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
	lookAgain    = 5 * time.Minute // a name is looked up so often,
	lookAfter    = 3               // and after so many requests without a reply
	lookPatience = 5 * time.Second
	lookList     = 30 * time.Second
)

// resolver finds the addresses of entries.
type resolver struct {
	listening []netip.AddrPort

	mu    sync.Mutex
	known map[string]*resolved
}

// resolved is a name that has been looked up.
type resolved struct {
	all  []netip.AddrPort
	at   time.Time
	turn int // of the one that is asked
	lost int
}

func newResolver(listening []netip.AddrPort) *resolver {
	return &resolver{listening: listening, known: map[string]*resolved{}}
}

// resolve returns where to ask, and whether that is this machine.
func (r *resolver) resolve(ctx context.Context, entry string) (to netip.AddrPort, self bool, err error) {
	if at, err := netip.ParseAddrPort(entry); err == nil {
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		return at, r.isOwn(at), nil
	}
	r.mu.Lock()
	k := r.known[entry]
	if k != nil && k.lost < lookAfter && time.Since(k.at) < lookAgain {
		to = k.all[k.turn%len(k.all)]
		r.mu.Unlock()
		return to, r.isOwn(to), nil
	}
	r.mu.Unlock()
	all, err := lookUp(ctx, entry)
	if err != nil {
		return to, false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next := &resolved{all: all, at: time.Now()}
	if k != nil && k.lost >= lookAfter {
		next.turn = k.turn + 1 // it may have several, of which one is of no use
	}
	r.known[entry] = next
	to = all[next.turn%len(all)]
	return to, r.isOwn(to), nil
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

// isOwn reports whether this machine listens there itself.
func (r *resolver) isOwn(at netip.AddrPort) bool {
	for _, own := range r.listening {
		switch {
		case own.Port() != at.Port() || own.Addr().Is4() != at.Addr().Is4():
		case own.Addr() == at.Addr():
			return true
		case own.Addr().IsUnspecified() && isLocal(at.Addr()):
			return true
		}
	}
	return false
}

// isLocal reports whether an address is one of this host.
func isLocal(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false // it is found out by its own reply
	}
	for _, one := range all {
		if prefix, ok := one.(*net.IPNet); ok {
			if own, ok := netip.AddrFromSlice(prefix.IP); ok && own.Unmap() == a.WithZone("") {
				return true
			}
		}
	}
	return false
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

// findMyself looks which of the entries that are addresses are this machine. Names are looked up when they are asked.
func (n *Node) findMyself() {
	n.mu.Lock()
	entries := n.machine.Entries()
	n.mu.Unlock()
	for _, entry := range entries {
		at, err := netip.ParseAddrPort(entry)
		if err == nil && n.resolver.isOwn(netip.AddrPortFrom(at.Addr().Unmap(), at.Port())) {
			n.mu.Lock()
			n.machine.Myself(entry)
			n.mu.Unlock()
		}
	}
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
