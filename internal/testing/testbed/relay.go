package testbed

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

const (
	// flowsMax is how many clients a relay serves at a time. Another one takes the place of the
	// oldest. A client that uses a fresh port for each request is one client per request.
	flowsMax = 256
	// underWayMax bounds the datagrams that wait in a relay.
	underWayMax = 4096
	// datagramMax is more than any datagram on loopback or Ethernet.
	datagramMax = 65535
)

// Relay passes datagrams between clients and one UDP server, and does to each direction what its
// Path says. It knows nothing of NTP, and clients of it see it as the server.
//
// Its delays are real and, on Linux, count from the moment at which the kernel received the
// datagram: it leaves no sooner than its delay, and on an idle machine some 20 µs later if the
// delay is 0.3 ms or more. The time by which the wall clock is set forward before a datagram has
// been read is missing from its delay, as the kernel's stamp is one of that clock.
type Relay struct {
	listener   *net.UDPConn
	server     *net.UDPAddr
	departures *departures
	closed     chan struct{}
	running    sync.WaitGroup

	mu     sync.Mutex
	flows  map[string]*net.UDPConn // by client
	oldest []string                // clients in order of arrival
	there  direction
	back   direction
}

// direction is the state of one way through the relay, under its lock.
type direction struct {
	path     Path
	random   *rand.Rand
	counts   PathCounts
	underWay int
	lastLeft int // the number of the latest arrival that has left
}

// StartRelay starts a relay to the server at address on a free loopback port, until Close or the
// end of the test. What it does to the nth datagram of a direction depends on the seed and n alone.
func StartRelay(t testing.TB, seed uint64, address string, there, back Path) *Relay {
	t.Helper()
	return StartRelays(t, seed, []string{address}, there, back)[0]
}

// StartRelays starts a relay to each of up to 254 servers. Those between one client and all its
// servers should be started together: at the moment at which it has asked all of them they take
// turns instead of keeping each other from the processor. The first listens at 127.0.0.1, the
// second at 127.0.0.2, and so on, as chronyd takes two servers at one IP address for one, whatever
// their ports; only on Linux is all of 127.0.0.0/8 loopback. The seed of each is 1 above that of
// the one before.
func StartRelays(t testing.TB, seed uint64, addresses []string, there, back Path) []*Relay {
	t.Helper()
	departures := startDepartures(len(addresses))
	var relays []*Relay
	for i, address := range addresses {
		listen := &net.UDPAddr{IP: net.IPv4(127, 0, 0, byte(1+i))}
		r, err := newRelay(departures, listen, seed+uint64(i), address, there, back)
		if err != nil {
			for range addresses[i:] {
				departures.release()
			}
			t.Fatalf("testbed: relay to %s: %v", address, err)
		}
		t.Cleanup(r.Close)
		relays = append(relays, r)
	}
	return relays
}

func newRelay(departures *departures, listen *net.UDPAddr, seed uint64, address string, there, back Path) (*Relay, error) {
	server, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return nil, err
	}
	listener, err := net.ListenUDP("udp4", listen)
	if err != nil {
		return nil, err
	}
	stampArrivals(listener)
	r := &Relay{
		listener:   listener,
		server:     server,
		departures: departures,
		closed:     make(chan struct{}),
		flows:      map[string]*net.UDPConn{},
		there:      direction{path: there, random: rand.New(rand.NewPCG(seed, 1))},
		back:       direction{path: back, random: rand.New(rand.NewPCG(seed, 2))},
	}
	r.running.Go(r.listen)
	return r, nil
}

// Address returns the relay's own "127.0.0.1:port".
func (r *Relay) Address() string { return r.listener.LocalAddr().String() }

// Counts returns what the relay has done so far to requests and to replies.
func (r *Relay) Counts() (there, back PathCounts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.there.counts, r.back.counts
}

// Close ends the relay and waits for its goroutines. Datagrams under way are dropped.
func (r *Relay) Close() {
	r.mu.Lock()
	first := !r.isClosed()
	if first {
		close(r.closed)
		// Closing a UDP socket fails only if it is closed already.
		_ = r.listener.Close()
		for _, flow := range r.flows {
			_ = flow.Close()
		}
	}
	r.mu.Unlock()
	r.running.Wait()
	if first {
		r.departures.release()
	}
}

// listen takes requests until the relay is closed.
func (r *Relay) listen() {
	buffer, control := make([]byte, datagramMax), make([]byte, stampSpace)
	for {
		n, stamped, _, client, err := r.listener.ReadMsgUDP(buffer, control)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // a client has gone: ICMP's news about an earlier reply
		}
		arrived := arrival(control[:stamped])
		flow := r.flow(client)
		if flow == nil {
			continue // closed, or no port is left: the test will see silence
		}
		r.pass(&r.there, arrived, buffer[:n], func(datagram []byte) { _, _ = flow.Write(datagram) })
	}
}

// flow returns the socket that faces the server on behalf of a client, or nil if there can be none.
func (r *Relay) flow(client *net.UDPAddr) *net.UDPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := client.String()
	if flow := r.flows[name]; flow != nil {
		return flow
	}
	if r.isClosed() {
		return nil
	}
	flow, err := net.DialUDP("udp4", nil, r.server)
	if err != nil {
		return nil
	}
	stampArrivals(flow)
	if len(r.oldest) == flowsMax {
		_ = r.flows[r.oldest[0]].Close()
		delete(r.flows, r.oldest[0])
		r.oldest = r.oldest[1:]
	}
	r.flows[name], r.oldest = flow, append(r.oldest, name)
	r.running.Go(func() { r.replies(flow, client) })
	return flow
}

// replies takes what the server sends to one client, until the flow is closed.
func (r *Relay) replies(flow *net.UDPConn, client *net.UDPAddr) {
	buffer, control := make([]byte, datagramMax), make([]byte, stampSpace)
	for {
		n, stamped, _, _, err := flow.ReadMsgUDP(buffer, control)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // nobody listens at the server's port now: ICMP's news about an earlier request
		}
		r.pass(&r.back, arrival(control[:stamped]), buffer[:n], func(datagram []byte) { _, _ = r.listener.WriteToUDP(datagram, client) })
	}
}

func (r *Relay) isClosed() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

// pass decides on a datagram and has its copies sent in time.
func (r *Relay) pass(d *direction, arrived time.Time, datagram []byte, send func([]byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.counts.Received++
	number := d.counts.Received
	f := d.path.draw(d.random, 8*len(datagram))
	switch {
	case f.lost:
		d.counts.Lost++
		return
	case d.underWay+len(f.delays) > underWayMax:
		d.counts.Overflowed++
		return
	}
	copied := append([]byte(nil), datagram...)
	for _, bit := range f.flips {
		copied[bit/8] ^= 1 << (bit % 8)
	}
	if len(f.flips) > 0 {
		d.counts.Corrupted++
	}
	if len(f.delays) > 1 {
		d.counts.Duplicated++
	}
	for _, delay := range f.delays {
		if delay <= 0 { // at once means in order
			d.leave(number, copied, send)
			continue
		}
		d.underWay++
		r.departures.add(arrived.Add(delay), func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			d.underWay--
			if !r.isClosed() {
				d.leave(number, copied, send)
			}
		})
	}
}

// leave sends the datagram that came in as the given number.
func (d *direction) leave(number int, datagram []byte, send func([]byte)) {
	send(datagram)
	d.counts.Sent++
	if number < d.lastLeft {
		d.counts.Overtaken++
	}
	d.lastLeft = max(d.lastLeft, number)
}
