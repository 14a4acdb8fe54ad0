package ntpsrc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// target resolves an address and stays with the result for as long as it answers: a name that
// changes its answer at every look-up would otherwise be a different server at every poll, under
// one vote.
type target struct {
	address address

	mu     sync.Mutex
	chosen netip.Addr
	tries  int // how often an address has been given up
}

// resolve returns the IP address to ask.
func (t *target) resolve(ctx context.Context) (netip.AddrPort, error) {
	if t.address.ip.IsValid() {
		return netip.AddrPortFrom(t.address.ip, t.address.port), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.chosen.IsValid() {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.address.host)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("cannot resolve the name: %w", err)
		}
		if len(found) == 0 {
			return netip.AddrPort{}, fmt.Errorf("the name %s has no address", t.address.host)
		}
		// An address that did not answer is followed by the next one of the name.
		t.chosen = found[t.tries%len(found)].Unmap()
	}
	return netip.AddrPortFrom(t.chosen, t.address.port), nil
}

// giveUp makes the next poll resolve the name again.
func (t *target) giveUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.chosen.IsValid() {
		t.chosen = netip.Addr{}
		t.tries++
	}
}
