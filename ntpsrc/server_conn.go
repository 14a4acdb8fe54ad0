package ntpsrc

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// maxJunk is how many datagrams that do not answer the request are skipped before the poll is given
// up: enough to outlast what a stray or a guessing sender can do in one round trip.
const maxJunk = 100

var errFlooded = errors.New("too many datagrams that do not answer the request")

// conn is the connection of one exchange: a request goes out through Write as bytes, and the reply
// comes in through Read. It lets through only the datagram that carries the request's random
// origin, so that a stray one does not cost the poll, and keeps that one's header. It reads the
// counter around the exchange. A context ends it at any moment.
type conn struct {
	ctx      context.Context
	counter  monotonic.Counter
	driftPPM float64       // by how much the clock assumes that the counter may be slow
	pause    time.Duration // for which it may stand still unseen
	socket   socket

	// accept, if not nil, says whether a datagram with the right origin is the reply. One that is
	// not is as if it had never come.
	accept func(reply []byte) bool

	request uint64 // the origin that the reply must carry
	junk    int    // datagrams that did not
	reply   header
	fields  []byte // what followed the reply's header
	replied bool

	asked     bool // the request asked for finer bounds
	finer     bool // the reply has them
	disproved bool // these are false: the header or the exchange says otherwise

	sent      monotonic.Instant // before the request left
	received  monotonic.Instant // after the reply had come
	stamps    string            // how these two were found, for a reader
	bracket   wallclock.Bracket
	bracketed bool // its first reading is valid
}

// newConn binds a socket to the context.
func newConn(ctx context.Context, counter monotonic.Counter, s socket) *conn {
	info := truetime.PollInfoOf(ctx)
	return &conn{ctx: ctx, counter: counter, driftPPM: info.DriftPPM, pause: info.UnseenPause, socket: s, bracket: wallclock.Bracket{DriftPPM: info.DriftPPM}}
}

// settle waits until as much as is wanted is known of the system's clock.
func (c *conn) settle() {
	if s, ok := c.socket.(stamper); ok {
		s.settle(c.ctx, c.counter)
	}
}

func (c *conn) Write(b []byte) (int, error) {
	if len(b) >= headerSize {
		c.request = transmit(b)
	}
	if s, ok := c.socket.(stamper); ok {
		c.bracket.First, c.bracketed = s.readFirst(c.counter)
	}
	c.sent = c.counter.Now()
	if err := c.socket.send(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *conn) Read(b []byte) (int, error) {
	for range maxJunk {
		n, err := c.socket.receive(c.ctx, b)
		received := c.counter.Now()
		if err != nil {
			return 0, err
		}
		if n >= headerSize && origin(b) == c.request && (c.accept == nil || c.accept(b[:n])) {
			c.reply, c.fields, c.replied, c.received = parseHeader(b), b[headerSize:n], true, received
			c.narrow()
			return n, nil
		}
		c.junk++
	}
	return 0, errFlooded
}

// narrow replaces the program's own readings by the kernel's stamps, as far as these can be trusted
// and say more.
func (c *conn) narrow() {
	c.stamps = wallclock.StampedByProgram
	s, ok := c.socket.(stamper)
	if !ok || !c.bracketed {
		return
	}
	if c.bracket.Last, ok = s.readLast(c.counter); !ok {
		return
	}
	if _, steady := c.bracket.Stepped(); !steady || s.wasSet() {
		c.stamps = wallclock.StampedUnsteadily
		return
	}
	sentStamp, receivedStamp := s.stamps()
	sent, byKernel1 := c.bracket.NotBefore(sentStamp)
	received, byKernel2 := c.bracket.NotAfter(receivedStamp)
	sent, received = max(sent, c.sent), min(received, c.received)
	if !byKernel1 {
		sent = c.sent
	}
	if !byKernel2 {
		received = c.received
	}
	if received < sent {
		return // the stamps contradict each other
	}
	c.sent, c.received = sent, received
	switch {
	case byKernel1 && byKernel2:
		c.stamps = wallclock.StampedByKernel
	case byKernel1:
		c.stamps = wallclock.StampedTransmit
	case byKernel2:
		c.stamps = wallclock.StampedReceive
	}
	if c.bracket.Sharp() && (byKernel1 || byKernel2) {
		c.stamps += ", sharp"
	}
}

func (c *conn) Close() error { return c.socket.close() }

// The rest makes it a net.Conn. The context alone decides when the exchange ends: a deadline that a
// packet engine sets after dialling could undo that of a context which has just ended.

func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
func (c *conn) LocalAddr() net.Addr              { return &net.UDPAddr{} }
func (c *conn) RemoteAddr() net.Addr             { return &net.UDPAddr{} }

var _ net.Conn = (*conn)(nil)
