package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/handover"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	// maxPool is how many servers may be taken from one name.
	maxPool = 64

	// maxAddresses is how many addresses a name may have. The pools of the NTP project answer with 4 to 8;
	// a name with hundreds of them is somebody's mistake or somebody's attack.
	maxAddresses = 256

	// A server is replaced after so many polls in a row that it did not answer, or was found to be wrong in.
	// One lost datagram is no reason, and a server that is restarted comes back.
	maxBadPolls = 8

	// A name is resolved no more often than this, and each time that it brings nothing new after twice as
	// long, up to the longest.
	resolveAfter    = time.Minute
	resolveAfterMax = time.Hour

	// badFor is how long a server that has been replaced is not asked again, if there is another.
	badFor = time.Hour
)

// Pool returns n sources, 1 to 64, each of which asks another of the servers that a name has:
//
//	sources := ntpsrc.Pool("2.pool.ntp.example", 4)
//
// Each source has a vote of its own. Where one operator runs all the servers they should have one
// vote together: truetime.Group("name", ntpsrc.Pool(…)...).
//
// A server that does not answer for eight polls, denies service, or is found wrong in eight polls is
// replaced by another that the name has. The name is resolved when there is nobody left to ask, at most every
// minute, and where servers are known less and less often as long as that brings nothing new. Servers that are known go on being asked
// whatever becomes of the name. A name with more than 256 addresses is refused.
//
// The options are those of [Server]. A mistake is reported by [truetime.New].
func Pool(name string, n int, options ...Option) []truetime.Source {
	p := &pool{lookup: net.DefaultResolver.LookupNetIP, now: time.Now, busy: newBusy(), bad: map[netip.Addr]time.Time{}, options: options}
	parsed, err := parseAddress(name)
	switch {
	case err != nil:
		p.mistake = err
	case parsed.ip.IsValid():
		p.mistake = fmt.Errorf("pool %.80q is one address: give a name that has several, or use Server", name)
	case n < 1 || n > maxPool:
		p.mistake = fmt.Errorf("pool %.80q of %d servers: it must be 1 to %d", name, n, maxPool)
		n = 1
	}
	p.address = parsed
	if p.mistake == nil {
		example := p.newServer(netip.MustParseAddr("192.0.2.1"))
		p.mistake, p.scale = example.mistake, example.limits.scale // of the options
	}
	var sources []truetime.Source
	for i := range max(n, 1) {
		sources = append(sources, &member{pool: p, name: fmt.Sprintf("%s#%d", name, i+1), busy: newBusy()})
	}
	return sources
}

// pool is what the sources of one Pool share.
type pool struct {
	address address
	options []Option
	mistake error
	scale   truetime.Scale
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	now     func() time.Time

	busy     busy       // whoever takes an address has it
	mu       sync.Mutex // guards what follows
	known    []netip.Addr
	taken    []netip.Addr
	bad      map[netip.Addr]time.Time // until when
	resolved time.Time
	failed   error         // what came of it
	wait     time.Duration // from then until the name may be resolved again
}

func (p *pool) newServer(ip netip.Addr) *server {
	return Server(netip.AddrPortFrom(ip, p.address.port).String(), p.options...).(*server)
}

// take returns an address that no other source of the pool has.
func (p *pool) take(ctx context.Context) (netip.Addr, error) {
	if err := p.busy.lock(ctx); err != nil {
		return netip.Addr{}, err
	}
	defer p.busy.unlock()
	if a, ok := p.choose(false); ok {
		return a, nil
	}
	failed := p.resolve(ctx)
	if a, ok := p.choose(false); ok {
		return a, nil
	}
	if a, ok := p.choose(true); ok {
		return a, nil
	}
	if failed != nil {
		return netip.Addr{}, failed
	}
	return netip.Addr{}, fmt.Errorf("%s has no more servers: %d are in use", p.address.host, len(p.taken))
}

// choose picks a known address that is not in use; one that was bad lately only if that is asked for.
func (p *pool) choose(bad bool) (netip.Addr, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for _, a := range p.known {
		if until, was := p.bad[a]; slices.Contains(p.taken, a) || !bad && was && now.Before(until) {
			continue
		}
		p.taken = append(p.taken, a)
		return a, true
	}
	return netip.Addr{}, false
}

// resolve looks the name up, unless that was done a moment ago. What was known and is not in the answer is
// forgotten, and what is in use stays in use.
func (p *pool) resolve(ctx context.Context) error {
	if since := p.now().Sub(p.resolved); !p.resolved.IsZero() && since < p.wait {
		return p.failed
	}
	handover.Before(ctx)
	found, err := p.lookup(ctx, "ip", p.address.host)
	if err != nil && ctx.Err() != nil {
		// It is the poll that ended, and the next one has more time.
		return fmt.Errorf("cannot resolve the name in time: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resolved = p.now()
	news := false
	switch {
	case err != nil:
		err = fmt.Errorf("cannot resolve the name: %w", err)
	case len(found) == 0:
		err = fmt.Errorf("the name %s has no address", p.address.host)
	case len(found) > maxAddresses:
		err = fmt.Errorf("the name %s has %d addresses: more than %d are refused", p.address.host, len(found), maxAddresses)
	default:
		before := p.known
		p.known = nil
		for _, a := range found {
			if a = a.Unmap(); !slices.Contains(p.known, a) && !a.IsUnspecified() && !a.IsMulticast() {
				p.known = append(p.known, a)
				news = news || !slices.Contains(before, a)
			}
		}
	}
	if p.wait = max(resolveAfter, min(2*p.wait, resolveAfterMax)); news || len(p.known) == 0 {
		p.wait = resolveAfter // also while the network is not there yet: until it is there is nobody to ask
	}
	p.failed = err
	return err
}

// giveBack ends the use of an address that was bad.
func (p *pool) giveBack(a netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = slices.DeleteFunc(p.taken, func(b netip.Addr) bool { return a == b })
	now := p.now()
	for old, until := range p.bad {
		if now.After(until) {
			delete(p.bad, old)
		}
	}
	if len(p.bad) < maxAddresses {
		p.bad[a] = now.Add(badFor)
	}
}

// member is one source of a pool.
type member struct {
	pool *pool
	name string

	busy    busy       // whoever takes an address for it has it
	mu      sync.Mutex // guards what follows: it may serve several clocks
	address netip.Addr // not valid if none is in use
	server  *server
	silent  int // polls in a row without an answer
	wrong   int // in which it was found wrong
}

// Info has the pool's name and a number for a name.
func (m *member) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: m.name, Scale: m.pool.scale, Err: m.pool.mistake}
}

// judged counts the polls in which the clock has found the server wrong.
func (m *member) judged(v truetime.Verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch v {
	case truetime.Falseticker, truetime.Convicted, truetime.Unusable:
		m.wrong++
	default:
		m.wrong = 0
	}
}

// HandsOver says that Sample calls [handover.Before].
func (m *member) HandsOver() {}

// Sample asks the present server once, or another one if that has been bad for too long.
func (m *member) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if m.pool.mistake != nil {
		return truetime.Sample{}, m.pool.mistake
	}
	m.judged(truetime.PollInfoOf(ctx).Verdict)
	asked, err := m.choose(ctx)
	if err != nil {
		return truetime.Sample{}, err
	}
	sample, err := asked.Sample(ctx, counter)
	return sample, m.note(asked, err)
}

// choose returns the server to ask.
func (m *member) choose(ctx context.Context) (*server, error) {
	if err := m.busy.lock(ctx); err != nil {
		return nil, err
	}
	defer m.busy.unlock()
	if s := m.present(); s != nil {
		return s, nil
	}
	a, err := m.pool.take(ctx)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.address, m.server = a, m.pool.newServer(a)
	return m.server, nil
}

// present returns the server in use, or nil if there is none or it has been bad for too long.
func (m *member) present() *server {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.server != nil && (m.silent >= maxBadPolls || m.wrong >= maxBadPolls) {
		m.replace()
	}
	return m.server
}

// note takes notice of what came of asking a server, and returns what to say of it.
func (m *member) note(asked *server, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	present := asked == m.server // another clock may have replaced it meanwhile
	switch {
	case errors.Is(err, truetime.ErrDenied):
		// It is this server that does not want to be asked, not the pool.
		if present {
			m.replace()
		}
		return fmt.Errorf("%w: another server is asked from now on: %v", truetime.ErrUnusable, err)
	case !present || errors.Is(err, truetime.ErrSlowDown):
	case err == nil:
		m.silent = 0
	default:
		m.silent++
	}
	return err
}

// replace gives the server back. The lock is held.
func (m *member) replace() {
	m.pool.giveBack(m.address)
	m.address, m.server, m.silent, m.wrong = netip.Addr{}, nil, 0, 0
}
