package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/wire"
)

// ask sends one request and takes in what comes of it.
func (n *Node) ask(ctx context.Context, entry string) {
	to, self, err := n.resolver.resolve(ctx, entry)
	if self {
		n.mu.Lock()
		n.machine.Myself(entry)
		n.mu.Unlock()
		return
	}
	var socket *net.UDPConn
	if err == nil {
		socket, err = n.socketFor(to)
	}
	if err != nil {
		n.fail(ctx, entry, err.Error())
		return
	}
	r, nonce, datagram, err := n.prepare(entry)
	if err != nil {
		n.fail(ctx, entry, err.Error())
		return
	}
	defer n.forget(nonce)
	r.before, r.sent = n.read(), time.Now()
	n.expect(nonce, r) // the clock has been read, and nothing has been sent
	if _, err := socket.WriteToUDPAddrPort(datagram, to); err != nil {
		n.fail(ctx, entry, fmt.Sprintf("nothing can be sent to %v: %v", to, plainCause(err)))
		return
	}
	patience := time.NewTimer(n.config.Patience)
	defer patience.Stop()
	got, came := r.wait(ctx, patience.C)
	switch {
	case came:
		n.resolver.answered(entry)
		n.mu.Lock()
		defer n.mu.Unlock()
		if got.err != nil {
			n.counters.Refused++
			n.machine.Unanswered(entry, got.err.Error())
			return
		}
		n.counters.Answered++
		n.machine.Answered(entry, n.now(), got.exchange)
	case ctx.Err() == nil:
		n.resolver.lost(entry)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.counters.Lost++
		n.machine.Unanswered(entry, cmp.Or(n.suspicionOf(to), n.resolver.trouble(entry)))
	}
}

// wait returns the reply, if there is one by the end of patience or of ctx. One that lies there when the end is found
// counts: on a busy machine it is whoever asked that is late.
func (r *request) wait(ctx context.Context, patience <-chan time.Time) (_ reply, came bool) {
	select {
	case got := <-r.done:
		return got, true
	case <-patience:
	case <-ctx.Done():
	}
	select {
	case got := <-r.done:
		return got, true
	default:
		return reply{}, false
	}
}

// fail notes that a request could not be sent.
func (n *Node) fail(ctx context.Context, entry, why string) {
	if ctx.Err() != nil {
		return
	}
	n.resolver.lost(entry)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counters.Refused++
	n.machine.Unanswered(entry, why)
}

// plainCause is an error of a socket without its addresses.
func plainCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (n *Node) prepare(entry string) (r *request, nonce wire.Nonce, datagram []byte, err error) {
	_, _ = rand.Read(nonce[:]) // it never fails (crypto/rand)
	n.mu.Lock()
	defer n.mu.Unlock()
	r = &request{entry: entry, to: n.machine.ReceiverOf(entry), done: make(chan reply, 1)}
	datagram, err = n.config.Key.Seal(wire.Message{Nonce: nonce, Place: fleet.PlaceOf(entry), From: n.config.Name, To: r.to, Run: n.run,
		Machines: n.machine.Machines(), Faulty: n.machine.Faulty()})
	return r, nonce, datagram, err
}

func (n *Node) expect(nonce wire.Nonce, r *request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pending[nonce] = r
}

func (n *Node) forget(nonce wire.Nonce) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.pending, nonce)
}

// socketFor returns the socket that can reach an address.
func (n *Node) socketFor(to netip.AddrPort) (*net.UDPConn, error) {
	for i, own := range n.Addr() {
		if own.Addr().Is4() == to.Addr().Is4() {
			return n.sockets[i], nil
		}
	}
	family := map[bool]string{true: "IPv4", false: "IPv6"}[to.Addr().Is4()]
	return nil, fmt.Errorf("its address is %v, and this machine listens at no address of %s: add one to listen", to.Addr(), family)
}

// suspicion is that somebody signs with another key, or speaks another version.
type suspicion struct {
	why string
	at  time.Duration
}

// Limits of what is kept of datagrams that nobody has vouched for.
const (
	maxSuspicions = 1024
	suspectedFor  = time.Minute
)

// suspect notes why a datagram of an address was not believed, with the lock held.
func (n *Node) suspect(from netip.AddrPort, err error) {
	why := ""
	switch {
	case errors.Is(err, wire.ErrKey):
		why = "what comes from there was signed with another key: give all machines the same key_file, and restart them"
	case errors.Is(err, wire.ErrVersion):
		why = "what comes from there is of another version of the protocol: run the same version of epsilon on all machines"
	default:
		return
	}
	if _, known := n.foreign[from]; !known && len(n.foreign) == maxSuspicions {
		clear(n.foreign)
	}
	n.foreign[from] = suspicion{why, n.now()}
}

// suspicionOf returns why an address does not answer, as far as that can be told; with the lock held.
func (n *Node) suspicionOf(from netip.AddrPort) string {
	s, known := n.foreign[plainAddress(from)]
	if !known || n.now()-s.at > suspectedFor {
		return ""
	}
	return s.why
}

// conclude hands a reply to the request that it belongs to. It was read at after, just when it had come.
func (n *Node) conclude(m wire.Message, r *request, exchange fleet.Exchange) {
	got := reply{exchange: exchange}
	switch {
	case m.Place != fleet.PlaceOf(r.entry):
		got.err = errors.New("its reply is for another place")
	case m.To != n.config.Name:
		got.err = fmt.Errorf("its reply is for %s", m.To)
	case r.to != "" && m.From != r.to:
		got.err = fmt.Errorf("%s was asked, and %s has answered", r.to, m.From)
	}
	got.exchange.Reply = fleet.Reply{Name: m.From, Run: m.Run, Interval: m.Interval, Machines: m.Machines, Faulty: m.Faulty, Edges: m.Edges, Complete: m.Complete}
	select {
	case r.done <- got:
	default: // there was one already
	}
}
