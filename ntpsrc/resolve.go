package ntpsrc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/epsilontime/epsilon/internal/handover"
)

// target resolves an address and stays with the result for as long as it answers: a name that
// changes its answer at every look-up would otherwise be a different server at every poll, under
// one vote.
type target struct {
	address address

	busy   busy // guards what follows, during a look-up too
	chosen netip.Addr
	failed netip.Addr // the address that was given up last
}

func newTarget(a address) *target { return &target{address: a, busy: newBusy()} }

// resolve returns the IP address to ask.
func (t *target) resolve(ctx context.Context) (netip.AddrPort, error) {
	if t.address.ip.IsValid() {
		return netip.AddrPortFrom(t.address.ip, t.address.port), nil
	}
	if err := t.busy.lock(ctx); err != nil {
		return netip.AddrPort{}, err
	}
	defer t.busy.unlock()
	if !t.chosen.IsValid() {
		handover.Before(ctx)
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.address.host)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("cannot resolve the name: %w", err)
		}
		if len(found) == 0 {
			return netip.AddrPort{}, fmt.Errorf("the name %s has no address", t.address.host)
		}
		t.chosen = next(found, t.failed)
	}
	return netip.AddrPortFrom(t.chosen, t.address.port), nil
}

// giveUp makes the next poll resolve the name again. If the name is being resolved already it does nothing.
func (t *target) giveUp() {
	select {
	case t.busy <- struct{}{}:
	default:
		return
	}
	defer t.busy.unlock()
	t.failed, t.chosen = t.chosen, netip.Addr{}
}

// next returns the first address of a name, and after one has failed the one that follows it, in an
// order that does not depend on the order of the answer: name servers rotate it.
func next(found []netip.Addr, failed netip.Addr) netip.Addr {
	for i := range found {
		found[i] = found[i].Unmap()
	}
	if !failed.IsValid() {
		return found[0]
	}
	slices.SortFunc(found, netip.Addr.Compare)
	for _, a := range found {
		if a.Compare(failed) > 0 {
			return a
		}
	}
	return found[0]
}
