package node

import (
	"net"
	"net/netip"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/wire"
)

// Why a datagram was dropped.
const (
	dropForeign     = "foreign"     // not of this protocol
	dropKey         = "key"         // signed with another key, or of another version
	dropForm        = "form"        // signed, and of no form
	dropLimit       = "limit"       // its address asks too often
	dropMisdirected = "misdirected" // a request for another machine
	dropUnasked     = "unasked"     // a reply to nothing, or that came too late
	dropUnsent      = "unsent"      // a request whose reply could not be sent
)

// listen takes datagrams until the socket is closed.
func (n *Node) listen(s *net.UDPConn) {
	buffer := make([]byte, wire.Size+1) // what is longer shows
	for {
		size, from, err := s.ReadFromUDPAddrPort(buffer)
		if closed(err) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // news of ICMP about an earlier reply, on some systems; nothing that lasts may spin
			continue
		}
		n.take(s, buffer[:size], from)
	}
}

func (n *Node) take(s *net.UDPConn, datagram []byte, from netip.AddrPort) {
	if nonce, isReply := wire.ReplyTo(datagram); isReply {
		after, came := n.read(), time.Now()
		n.mu.Lock()
		r := n.pending[nonce]
		n.mu.Unlock()
		if r == nil {
			n.drop(dropUnasked)
			return
		}
		m, err := n.config.Key.Open(datagram)
		if err != nil {
			n.disbelieve(from, err)
			return
		}
		n.conclude(m, r, fleet.Exchange{Before: r.before, After: after, RoundTrip: came.Sub(r.sent)})
		return
	}
	if len(datagram) != wire.Size {
		n.drop(dropForeign)
		return
	}
	if !n.limiter.admits(plainAddress(from).Addr(), n.now()) {
		n.drop(dropLimit)
		return
	}
	m, err := n.config.Key.Open(datagram)
	if err != nil {
		n.disbelieve(from, err)
		return
	}
	n.answer(s, m, from)
}

// answer answers a request, unless it was for another machine.
func (n *Node) answer(s *net.UDPConn, m wire.Message, from netip.AddrPort) {
	n.mu.Lock()
	if m.To != "" && m.To != n.config.Name || !n.machine.IsFor(m.Place) {
		n.counters.Dropped[dropMisdirected]++
		n.mu.Unlock()
		return
	}
	n.counters.Received++
	edges := n.machine.Edges(n.now())
	reply := wire.Message{IsReply: true, Nonce: m.Nonce, Place: m.Place, From: n.config.Name, To: m.From, Run: n.run, Machines: n.machine.Machines(), Faulty: n.machine.Faulty(),
		Edges: edges, Complete: true}
	n.mu.Unlock()
	reply.Interval = n.read()
	datagram, err := n.config.Key.Seal(reply)
	if err == nil {
		_, err = s.WriteToUDPAddrPort(datagram, from)
	}
	if err != nil {
		n.drop(dropUnsent)
		return
	}
	n.mu.Lock()
	n.counters.Replied++
	n.mu.Unlock()
}

func (n *Node) disbelieve(from netip.AddrPort, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	reason := dropForm
	switch err {
	case wire.ErrForeign:
		reason = dropForeign
	case wire.ErrKey, wire.ErrVersion:
		reason = dropKey
	}
	n.counters.Dropped[reason]++
	n.suspect(plainAddress(from), err)
}

func (n *Node) drop(reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.counters.Dropped[reason]++
}

// plainAddress is an address as it is written in a list of peers.
func plainAddress(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
