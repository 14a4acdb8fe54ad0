package ntpsrc

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// maxJunk is how many datagrams that do not answer the request are skipped before the poll is given
// up: enough to outlast what a stray or a guessing sender can do in one round trip.
const maxJunk = 100

var errFlooded = errors.New("too many datagrams that do not answer the request")

// conn is the connection of one exchange. It lets through only the datagram that carries the
// request's random origin, so that a stray one does not cost the poll, and keeps that one's header.
// A context ends it at any moment.
type conn struct {
	net.Conn
	stop    func() bool // releases the context
	request uint64      // the origin that the reply must carry
	junk    int         // datagrams that did not
	reply   header
	replied bool

	// accept, if not nil, says whether a datagram with the right origin is the reply. One that is not
	// is as if it had never come.
	accept func(reply []byte) bool
}

// dial connects a fresh socket, and so a fresh source port (RFC 9109), to the server. The kernel
// then drops what comes from anywhere else. Connecting a datagram socket takes no time, so it
// needs no context.
func dial(to netip.AddrPort) (net.Conn, error) {
	return net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
}

// newConn binds a connection to the context.
func newConn(ctx context.Context, c net.Conn) *conn {
	past := time.Unix(1, 0)
	return &conn{Conn: c, stop: context.AfterFunc(ctx, func() { _ = c.SetDeadline(past) })}
}

// SetDeadline does nothing: the context alone decides when the exchange ends. The packet engine sets
// a deadline of its own after dialling, which could undo that of a context which has just ended.
func (c *conn) SetDeadline(time.Time) error { return nil }

func (c *conn) Write(b []byte) (int, error) {
	if len(b) >= headerSize {
		c.request = transmit(b)
	}
	return c.Conn.Write(b)
}

func (c *conn) Read(b []byte) (int, error) {
	for range maxJunk {
		n, err := c.Conn.Read(b)
		if err != nil {
			return n, err
		}
		if n >= headerSize && origin(b) == c.request && (c.accept == nil || c.accept(b[:n])) {
			c.reply, c.replied = parseHeader(b), true
			disarm(b)
			return n, nil
		}
		c.junk++
	}
	return 0, errFlooded
}

// disarm keeps a reply from crashing the process. beevik/ntp v1.6.0 converts the poll and precision
// exponents with a shift by their negation, and panics on −128, which has none in an int8. Neither
// is used from there.
func disarm(reply []byte) {
	const poll, precision, panics = 2, 3, 0x80
	for _, at := range []int{poll, precision} {
		if reply[at] == panics {
			reply[at]++
		}
	}
}

func (c *conn) Close() error {
	c.stop()
	return c.Conn.Close()
}
