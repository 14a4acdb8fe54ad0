package ntpsrc

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// socket is a datagram socket for one exchange: fresh, and so with a fresh source port (RFC 9109),
// and connected, so that the kernel drops what comes from anywhere else.
type socket interface {
	send(datagram []byte) error
	// receive waits for a datagram until ctx ends, and returns its length.
	receive(ctx context.Context, b []byte) (int, error)
	close() error
}

// stamper is a socket that may know when the kernel sent and received its datagrams.
type stamper interface {
	socket
	// settle waits until more is known of the steering of the system's clock, where that is wanted.
	settle(ctx context.Context, counter monotonic.Counter)
	// readFirst and readLast read the system's clocks between two readings of the counter, before the request
	// is sent and after the reply has come, and say whether they could.
	readFirst(counter monotonic.Counter) (wallclock.Reading, bool)
	readLast(counter monotonic.Counter) (wallclock.Reading, bool)
	// stamps returns when the request was about to leave and when the last datagram that was
	// received had arrived, by CLOCK_REALTIME in nanoseconds; 0 if that is not known.
	stamps() (sent, received int64)
	// wasSet reports whether anybody has set CLOCK_REALTIME since the first reading, or before it and since what is known of the steering.
	wasSet() bool
}

// stamping is whose stamps of an exchange are wanted.
type stamping int

const (
	programStamps stamping = iota
	kernelStamps
	sharpStamps // of the kernel, which is asked how it is steered
)

// plainSocket is a socket of the Go runtime. It knows no stamps.
type plainSocket struct{ conn *net.UDPConn }

// openPlain needs no context: connecting a datagram socket takes no time.
func openPlain(to netip.AddrPort) (socket, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, err
	}
	return plainSocket{c}, nil
}

func (s plainSocket) send(b []byte) error {
	_, err := s.conn.Write(b)
	return err
}

func (s plainSocket) receive(ctx context.Context, b []byte) (int, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(past()) })
	defer stop()
	return s.conn.Read(b)
}

func (s plainSocket) close() error { return s.conn.Close() }

// past is a deadline that ends every wait.
func past() time.Time { return time.Unix(1, 0) }
