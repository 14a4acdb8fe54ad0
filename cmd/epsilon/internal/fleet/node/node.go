package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/wire"
	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/truetime"
)

// Node is a machine whose sockets are open.
type Node struct {
	config   Config
	run      fleet.Run
	started  time.Time
	sockets  []*net.UDPConn
	limiter  *limiter
	resolver *resolver
	closing  sync.Once

	mu       sync.Mutex // of what follows
	machine  *fleet.Machine
	pending  map[wire.Nonce]*request
	foreign  map[netip.AddrPort]suspicion
	counters Counters
	list     error // why the names of the list could not be looked up
}

// Counters are what a node has done.
type Counters struct {
	Answered uint64 // requests that had a reply
	Lost     uint64 // requests without one
	Refused  uint64 // requests that could not be sent, or whose reply was not believed

	Received uint64            // requests of others
	Replied  uint64            // and those that were answered
	Dropped  map[string]uint64 // datagrams that were not believed or not answered, by the reason
}

// request is one that waits for its reply.
type request struct {
	entry  string
	to     string // the name of the receiver, if it is known
	before truetime.Interval
	sent   time.Time
	done   chan reply
}

// reply is one that was believed, or why it was not.
type reply struct {
	exchange fleet.Exchange
	err      error
}

// New opens the sockets.
func New(c Config) (*Node, error) {
	if c.Patience == 0 {
		c.Patience = time.Second
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // it never fails (crypto/rand)
	n := &Node{config: c, run: fleet.Run(binary.BigEndian.Uint64(random[:]) | 1), started: time.Now(), limiter: newLimiter(),
		pending: map[wire.Nonce]*request{}, foreign: map[netip.AddrPort]suspicion{}, counters: Counters{Dropped: map[string]uint64{}}}
	n.machine = fleet.New(fleet.Config{Name: c.Name, Run: n.run, Peers: c.Peers, Faulty: c.Faulty, Random: fleet.DefaultRandom, Seed: binary.BigEndian.Uint64(random[8:])})
	var failed mistakes.List
	for _, at := range c.Listen {
		network := "udp4"
		if at.Addr().Is6() {
			network = "udp6"
		}
		socket, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
		if err != nil {
			failed.Add(fmt.Errorf("cannot listen at %v: %w", at, err))
			continue
		}
		n.sockets = append(n.sockets, socket)
	}
	if err := failed.Err(); err != nil {
		n.Close()
		return nil, err
	}
	n.resolver = newResolver(n.Addr())
	return n, nil
}

// Everywhere is the usual port at every address of the host, of the kinds of addresses that it has.
func Everywhere() []netip.AddrPort {
	all := []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), Port)}
	if probe, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback}); err == nil {
		_ = probe.Close()
		all = append(all, netip.AddrPortFrom(netip.IPv6Unspecified(), Port))
	}
	return all
}

// Addr returns where the node listens.
func (n *Node) Addr() (all []netip.AddrPort) {
	for _, s := range n.sockets {
		at := s.LocalAddr().(*net.UDPAddr).AddrPort()
		all = append(all, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
	}
	return all
}

// Close closes the sockets of a node that does not run. One that does is ended by its context.
func (n *Node) Close() {
	n.closing.Do(func() {
		for _, s := range n.sockets {
			_ = s.Close()
		}
	})
}

// Run asks and answers until ctx ends.
func (n *Node) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, s := range n.sockets {
		running.Go(func() { n.listen(s) })
	}
	if n.config.List != "" {
		running.Go(func() { n.followList(ctx) })
	}
	tick := time.NewTicker(n.config.Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		for _, name := range n.findMyself() {
			running.Go(func() { n.lookAgainAt(ctx, name) })
		}
		n.mu.Lock()
		entries := n.machine.Round()
		n.mu.Unlock()
		for _, entry := range entries {
			running.Go(func() { n.ask(ctx, entry) })
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	n.Close()
	running.Wait()
}

// now is what the machine counts its time by.
func (n *Node) now() time.Duration { return time.Since(n.started) }

// read returns what the clock answers, the zero value if it does not.
func (n *Node) read() truetime.Interval {
	i, err := n.config.Reader.Now()
	if err != nil {
		return truetime.Interval{}
	}
	return i
}

// Disrupted says that the host may have been suspended, for a time that Go's clock does not count on every system.
func (n *Node) Disrupted() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.machine.Disrupted()
}

// Counters returns what the node has done since New.
func (n *Node) Counters() Counters {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.counters
	c.Dropped = map[string]uint64{}
	for reason, count := range n.counters.Dropped {
		c.Dropped[reason] = count
	}
	return c
}

// View returns what the machine knows.
func (n *Node) View() fleet.View {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := n.machine.View(n.now())
	if n.list != nil {
		v.Problems = append(v.Problems, fleet.Problem{ID: "list", Text: fmt.Sprintf("the peers of %s cannot be looked up: %v", n.config.List, n.list)})
	}
	return v
}

// closed reports whether a socket has an error because it was closed.
func closed(err error) bool { return errors.Is(err, net.ErrClosed) }
