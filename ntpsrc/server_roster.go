package ntpsrc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/perclock"
)

const (
	// maxAddresses is how many addresses a name may have. The pools of the NTP project answer with
	// 4 to 8; a name with hundreds of them is somebody's mistake or somebody's attack.
	maxAddresses = 256

	// A name is resolved no more often than every resolveAfter, and each time that it brings
	// nothing new after twice as long, up to the longest. While it has led to nobody yet, it is
	// resolved every resolveSoon.
	resolveSoon     = 4 * time.Second
	resolveAfter    = time.Minute
	resolveAfterMax = 15 * time.Minute

	// leftFor is how long a server that has been left is not asked again, if there is another.
	leftFor = time.Hour

	// For so long a server that has been left is not asked in any case: one that refuses service,
	// as it wants to be left alone (RFC 5905 section 7.4); one that asks for fewer polls; and one
	// that was found wrong, which must not get a second place beside its successor in the first.
	deniedFor = time.Hour
	slowFor   = 5 * time.Minute
	wrongFor  = 24 * time.Hour
)

// roster is the list of servers that a name has. The sources of one [Pool] share one, so that each
// of them asks another server.
type roster struct {
	host   string
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	now    func() time.Time

	turn perclock.Turn // of whoever takes a server, or looks the name up

	mu       sync.Mutex // guards what follows
	known    []candidate
	taken    []netip.Addr             // the machines that have a place
	left     map[netip.Addr]departure // the addresses that were asked in vain
	families [2]family
	resolved time.Time
	failed   error         // what came of it
	wait     time.Duration // from then until the name may be resolved again
}

// candidate is a server that can be asked.
type candidate struct {
	at      netip.Addr
	machine netip.Addr // see machineAt
}

// departure says when an address was left, and why.
type departure struct {
	at    time.Time
	until time.Time // it is not asked before
}

// matters reports whether it still makes a difference.
func (d departure) matters(now time.Time) bool { return now.Sub(d.at) < leftFor || now.Before(d.until) }

// family is what is known about IPv4 or IPv6 by now. Where one of them is broken all its addresses
// are, and the resolver may put them first.
type family struct{ answered, missed bool }

func newRoster(host string) *roster {
	return &roster{
		host: host, lookup: lookUp, now: time.Now,
		left: map[netip.Addr]departure{},
	}
}

func lookUp(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// take returns a server that has no place yet, and may have one. Single says that the name leads to
// one server alone.
func (r *roster) take(ctx context.Context, free func(candidate) bool) (taken candidate, single bool, err error) {
	if err := r.turn.Take(ctx); err != nil {
		return candidate{}, false, err
	}
	defer r.turn.Leave()
	if c, ok := r.choose(false, free); ok {
		return c, r.single(), nil
	}
	failed := r.resolve(ctx)
	for _, left := range []bool{false, true} {
		if c, ok := r.choose(left, free); ok {
			return c, r.single(), nil
		}
	}
	if failed != nil {
		return candidate{}, false, failed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return candidate{}, false, fmt.Errorf("%s has no more servers: of %d addresses %d are in use by sources of it, and %d were asked in vain", r.host, len(r.known), len(r.taken), len(r.left))
}

// choose gives a place to the best of the servers that have none, or to nobody if there is no such.
// One that was left lately counts only if that is asked for.
func (r *roster) choose(left bool, free func(candidate) bool) (candidate, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.best(left, free)
	if ok {
		r.taken = append(r.taken, c.machine)
	}
	return c, ok
}

// best returns whom to ask next: the first by rank, and by the order of the name's answer. The lock
// is held.
func (r *roster) best(left bool, free func(candidate) bool) (best candidate, ok bool) {
	now := r.now()
	var least [2]int64
	for _, c := range r.known {
		d, was := r.left[c.at]
		lately := was && d.matters(now)
		if !free(c) || slices.Contains(r.taken, c.machine) || lately && (!left || now.Before(d.until)) {
			continue
		}
		rank := r.rank(c, now)
		if !ok || slices.Compare(rank[:], least[:]) < 0 {
			best, least, ok = c, rank, true
		}
	}
	return best, ok
}

// rank is lower for whoever is to be asked first: a server of a family that has answered, behind
// these one of a family that is not known, then one of a family that has failed to answer, and
// behind all whoever was left lately, the longest ago first. The lock is held.
func (r *roster) rank(c candidate, now time.Time) [2]int64 {
	if d, was := r.left[c.at]; was && d.matters(now) {
		return [2]int64{1, d.at.UnixNano()}
	}
	return [2]int64{0, int64(r.families[familyOf(c.at)].rank())}
}

// order returns all addresses of the name by their rank, but IPv4 and IPv6 in turn (RFC 8305
// section 4).
func (r *roster) order(ctx context.Context) ([]netip.Addr, error) {
	if err := r.turn.Take(ctx); err != nil {
		return nil, err
	}
	defer r.turn.Leave()
	failed := r.resolve(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) == 0 {
		return nil, failed
	}
	now := r.now()
	sorted := slices.Clone(r.known)
	slices.SortStableFunc(sorted, func(a, b candidate) int {
		x, y := r.rank(a, now), r.rank(b, now)
		return slices.Compare(x[:], y[:])
	})
	var order []netip.Addr
	for len(sorted) > 0 {
		next := 0
		if len(order) > 0 {
			last := familyOf(order[len(order)-1])
			next = max(0, slices.IndexFunc(sorted, func(c candidate) bool { return familyOf(c.at) != last }))
		}
		order = append(order, sorted[next].at)
		sorted = slices.Delete(sorted, next, next+1)
	}
	return order, nil
}

// rank is lower for the family that is better.
func (f family) rank() int {
	switch {
	case f.answered:
		return 0
	case !f.missed:
		return 1
	}
	return 2
}

// single reports whether the name leads to one server: one address of each family.
func (r *roster) single() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	var count [2]int
	for i, c := range r.known {
		if !slices.ContainsFunc(r.known[:i], func(b candidate) bool { return b.machine == c.machine }) {
			count[familyOf(c.at)]++
		}
	}
	return max(count[0], count[1]) == 1
}

// others reports whether there is a server that can be asked in place of the given one, or another
// address of that one.
func (r *roster) others(than candidate, free func(candidate) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.known, func(c candidate) bool {
		d, was := r.left[c.at]
		refuses := was && r.now().Before(d.until)
		return c.at != than.at && free(c) && !refuses && (c.machine == than.machine || !slices.Contains(r.taken, c.machine))
	})
}

// renewed looks the name up, if that is due, and reports whether it leads to another address than
// the given one that can be asked, and where the name must lead to a single server, whether it
// does.
func (r *roster) renewed(ctx context.Context, from candidate, free func(candidate) bool, single bool) bool {
	if err := r.turn.Take(ctx); err != nil {
		return false
	}
	defer r.turn.Leave()
	if single || !r.others(from, free) {
		_ = r.resolve(ctx) // the name is as good as it was, then
	}
	return r.others(from, free) && (r.single() || !single)
}

// resolve looks the name up, unless that was done a moment ago. What was known and is not in the
// answer is forgotten, and what is in use stays in use. The caller has busy.
func (r *roster) resolve(ctx context.Context) error {
	r.mu.Lock()
	since, wait, known := r.now().Sub(r.resolved), r.wait, len(r.known)
	r.mu.Unlock()
	if !r.resolved.IsZero() && since < wait {
		return r.failed
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok && known > 0 {
		// A name server that does not answer must not use up the time in which a server that is
		// known could.
		limited, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
	}
	defer cancel()
	found, err := r.lookup(limited, "ip", r.host)
	if err != nil && ctx.Err() != nil {
		// It is the poll that ended, and the next one has more time.
		return fmt.Errorf("cannot resolve the name in time: %w", err)
	}
	return r.renew(found, err)
}

// renew takes what came of a look-up.
func (r *roster) renew(found []netip.Addr, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	usable := slices.DeleteFunc(slices.Clone(found), func(a netip.Addr) bool {
		a = a.Unmap()
		return a.IsUnspecified() || a.IsMulticast()
	})
	news := false
	switch {
	case err != nil:
		err = fmt.Errorf("cannot resolve the name: %w", err)
	case len(found) == 0:
		err = fmt.Errorf("the name %s has no address", r.host)
	case len(usable) == 0: // as a name server answers for a name that it blocks
		err = fmt.Errorf("the name %s leads to %v, where no server can be", r.host, found)
	case len(found) > maxAddresses:
		err = fmt.Errorf("the name %s has %d addresses: more than %d are refused", r.host, len(found), maxAddresses)
	default:
		before := r.known
		r.known = nil
		for _, a := range usable {
			a = a.Unmap()
			c := candidate{a, machineAmong(found, a)}
			if !slices.Contains(r.known, c) {
				r.known = append(r.known, c)
				news = news || !slices.Contains(before, c)
			}
		}
	}
	switch r.resolved = r.now(); {
	case len(r.known) == 0:
		r.wait = resolveSoon // the network may not be there yet, and until it is there is nobody to ask
	case news:
		r.wait = resolveAfter
	default:
		r.wait = max(resolveAfter, min(2*r.wait, resolveAfterMax))
	}
	r.failed = err
	return err
}

// answered notes that a server has answered.
func (r *roster) answered(a netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.families[familyOf(a)].answered = true
}

// leave takes the place from a server, which is not asked again for a while. Missed says that it
// has never answered.
func (r *roster) leave(c candidate, pause time.Duration, missed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveBackLocked(c)
	if missed {
		r.families[familyOf(c.at)].missed = true
	}
	now := r.now()
	for old, d := range r.left {
		if !d.matters(now) {
			delete(r.left, old)
		}
	}
	if len(r.left) >= maxAddresses {
		delete(r.left, oldest(r.left))
	}
	r.left[c.at] = departure{now, now.Add(pause)}
}

// giveBack takes the place from a server about which nothing is known that would speak against asking it again.
func (r *roster) giveBack(c candidate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveBackLocked(c)
}

func (r *roster) giveBackLocked(c candidate) {
	if i := slices.Index(r.taken, c.machine); i >= 0 {
		r.taken = slices.Delete(r.taken, i, i+1)
	}
}

// oldest returns who was left the longest ago.
func oldest(left map[netip.Addr]departure) netip.Addr {
	var first netip.Addr
	for a, d := range left {
		if !first.IsValid() || d.at.Before(left[first].at) {
			first = a
		}
	}
	return first
}
