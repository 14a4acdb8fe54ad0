package ptpsrc

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// A Port owns the two UDP ports of PTP on this host and shares them between the sources that it
// makes. Servers answer to port 319 and 320 of whoever asks, so on each address of a host there can
// be one PTP client, and a clock that asks several PTP servers needs a Port for them. It is safe
// for concurrent use.
type Port struct {
	identity       protocol.PortIdentity
	event, general *net.UDPConn
	readers        sync.WaitGroup
	departures     departures

	mu     sync.Mutex
	asking map[peer]*inbox // who waits for messages of whom
	closed bool
}

// peer is what tells the messages of two sources apart.
type peer struct {
	address netip.Addr
	domain  uint8
}

// A PortOption changes where a [Port] listens.
type PortOption func(*portConfig)

type portConfig struct {
	ports
	address netip.Addr
	mistakes.List
}

// WithLocalPorts sets the two UDP ports to listen at, for event and for general messages: 319 and
// 320 by default. Servers answer to those; other numbers are for servers that are told to answer
// elsewhere.
func WithLocalPorts(event, general int) PortOption {
	return func(c *portConfig) {
		p, err := makePorts(event, general)
		c.Add(err)
		c.ports = p
	}
}

// WithLocalAddress sets the address of this host to listen at: all of them by default. Two Ports,
// or a Port and a PTP daemon, can share a host if each has an address of its own.
func WithLocalAddress(address netip.Addr) PortOption {
	return func(c *portConfig) {
		if !address.IsValid() || address.IsMulticast() {
			c.Addf("local address %v: it must be one address of this host", address)
		}
		c.address = address.Unmap()
	}
}

// NewPort opens the two UDP ports and starts two goroutines, which [Port.Close] ends. On most
// systems it takes root or CAP_NET_BIND_SERVICE. It fails if another program, such as ptp4l, has
// the ports.
func NewPort(options ...PortOption) (*Port, error) {
	c := portConfig{ports: wellKnown}
	for _, o := range options {
		if o == nil {
			c.Add(errNilOption)
			continue
		}
		o(&c)
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("ptpsrc: %w", err)
	}
	event, err := listen(c.address, c.event)
	if err != nil {
		return nil, err
	}
	general, err := listen(c.address, c.general)
	if err != nil {
		_ = event.Close()
		return nil, err
	}
	p := &Port{identity: randomIdentity(), event: event, general: general, asking: make(map[peer]*inbox)}
	p.departures.waiting = make(map[uint16]*departure)
	p.readers.Add(2)
	go p.read(event, requestStamps(event))
	go p.read(general, false)
	return p, nil
}

func listen(address netip.Addr, port uint16) (*net.UDPConn, error) {
	at := &net.UDPAddr{Port: int(port)}
	if address.IsValid() {
		at = net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, port))
	}
	c, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, explainPort(port, err)
	}
	return c, nil
}

// explainPort says in one sentence why a port cannot be opened and what to do.
func explainPort(port uint16, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("ptpsrc: no permission to use UDP port %d: run as root or with CAP_NET_BIND_SERVICE: %w", port, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("ptpsrc: UDP port %d is in use by another program, such as ptp4l, or by another Port: %w", port, err)
	default:
		return fmt.Errorf("ptpsrc: open UDP port %d: %w", port, err)
	}
}

// randomIdentity makes the port identity that answers are addressed to. Being random it tells them
// from those to anybody else, and from what is made up by somebody who has not seen the request.
func randomIdentity() protocol.PortIdentity {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return protocol.PortIdentity{ClockIdentity: protocol.ClockIdentity(binary.BigEndian.Uint64(b[:])), PortNumber: 1}
}

// Close frees the ports. A Sample in progress returns an error that wraps [net.ErrClosed], and so
// does each one after it; close the clock first. What servers have granted lapses within a minute.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	for _, in := range p.asking {
		close(in.closed)
	}
	p.mu.Unlock()
	err := mistakes.Join(p.event.Close(), p.general.Close())
	p.readers.Wait()
	return err
}

// inbox takes the messages of one server while a Sample waits for them.
type inbox struct {
	counter  monotonic.Counter
	stamps   bool // whether the kernel's stamps are wanted
	messages chan arrival
	closed   chan struct{} // with the port
}

// arrival is one message and when it had come.
type arrival struct {
	at     monotonic.Instant
	stamp  int64             // the kernel's, of CLOCK_REALTIME; 0 if there is none
	wall   wallclock.Reading // after it
	packet protocol.Packet
}

// inboxSize is how many messages may wait to be looked at. A Sample needs six; what comes in faster
// than it can be looked at is dropped.
const inboxSize = 64

// open directs the messages of a server to the caller, until release.
func (p *Port) open(from peer, counter monotonic.Counter, stamps bool) (*inbox, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if p.asking[from] != nil {
		return nil, fmt.Errorf("%w: another source of this port asks %v in domain %d: one server has one vote", truetime.ErrUnusable, from.address, from.domain)
	}
	in := &inbox{counter: counter, stamps: stamps, messages: make(chan arrival, inboxSize), closed: make(chan struct{})}
	p.asking[from] = in
	return in, nil
}

func (p *Port) release(from peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asking, from)
}

func (p *Port) inboxOf(from peer) *inbox {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asking[from]
}

// domainAt is where a message has its domain (IEEE 1588-2019 table 35).
const domainAt = 4

// readPause follows an error in receiving, which on some systems is another's answer to what was
// sent.
const readPause = time.Millisecond

// isSync tells the messages whose stamps are used from others, which may be anybody's and are to
// cost little.
func isSync(message []byte) bool {
	return protocol.MessageType(message[0]&0xf) == protocol.MessageSync // IEEE 1588-2019 table 35
}

// read hands on what comes in at one of the ports until it is closed.
//
// The counter is read after the message has been received, and after waking up for it. That is
// later than the message arrived, so what it says about the time of sending is still true, only
// less sharp. The kernel's stamp is from before waking up; what it is worth is decided by whoever
// waits for the message.
func (p *Port) read(c *net.UDPConn, stamped bool) {
	defer p.readers.Done()
	buffer, control := make([]byte, maxMessageSize), make([]byte, 256)
	for {
		n, inControl, _, from, err := c.ReadMsgUDPAddrPort(buffer, control)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(readPause) // the next datagram may be better; so as not to spin if none is
			continue
		}
		if n < headerSize {
			continue
		}
		in := p.inboxOf(peer{from.Addr().Unmap(), buffer[domainAt]})
		if in == nil {
			continue
		}
		m := arrival{at: in.counter.Now()}
		if stamped && in.stamps && isSync(buffer) {
			m.stamp, m.wall = stampOf(control[:inControl], in.counter)
		}
		if m.packet, err = decode(buffer[:n]); err != nil {
			continue
		}
		select {
		case in.messages <- m:
		default:
		}
	}
}

// send sends a message to a server.
func (p *Port) send(to netip.AddrPort, m protocol.Packet) error {
	b, err := protocol.Bytes(m)
	if err != nil {
		return fmt.Errorf("encode a message to %v: %w", to, err)
	}
	return write(p.general, to, b)
}

// sendDelayReq sends a Delay_Req to a server. Its stamp is kept for it until it is forgotten.
func (p *Port) sendDelayReq(domain uint8, to netip.AddrPort, wall wallBracket, counter monotonic.Counter) (*departure, error) {
	d, err := p.departures.begin(func(sequence uint16) ([]byte, error) {
		return protocol.Bytes(p.delayReq(domain, sequence))
	})
	if err != nil {
		return nil, fmt.Errorf("encode a Delay_Req to %v: %w", to, err)
	}
	d.wall = wall.readAgain()
	d.at = counter.Now()
	if err := write(p.event, to, d.datagram); err != nil {
		p.departures.forget(d)
		return nil, err
	}
	p.takeStamps() // now, or the socket wakes its reader for it
	return d, nil
}

// takeStamps takes the stamps of what has left.
func (p *Port) takeStamps() {
	if p.event != nil {
		p.departures.take(func(packet, control []byte) (n int, stamp int64, ok bool) {
			return takeSent(p.event, packet, control)
		})
	}
}

func write(c *net.UDPConn, to netip.AddrPort, b []byte) error {
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		if errors.Is(err, net.ErrClosed) {
			return errClosed
		}
		return fmt.Errorf("send to %s: %w", net.JoinHostPort(to.Addr().String(), strconv.Itoa(int(to.Port()))), err)
	}
	return nil
}
