package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// maxExchange bounds an exchange whose context has no deadline, and with chronyd every exchange.
const maxExchange = 5 * time.Second

// As much of a reply is read: its header and some of what may follow it, and with all its extension
// fields where they are what it is recognised by (a datagram of IPv6 that no router has to cut).
const (
	maxReply       = 128
	maxSealedReply = 1280
)

// server is a source that asks one NTP server.
type server struct {
	name   string
	place  *place // where its server is found
	config config

	distance distance.Record
	asking   asking
	delay    atomic.Int64 // δ of the last sample, in nanoseconds; 0 before the first
}

// Server returns a source that asks the NTP server at address: a host name or an IP address, with
// or without a port (123 by default), as in "ntp1.example.net", "192.0.2.7:1123", "2001:db8::7" and
// "[2001:db8::7]:1123". A mistake in the address or the options is reported by [truetime.New].
//
// A name is resolved at the first poll, and its addresses are tried until one gives an answer that
// the clock uses. That server has the vote from then on. A name with one address of each kind, IPv4
// and IPv6, means one server: if it is silent for three polls the source follows the name to its
// present address. A name with several addresses means several servers, and then the rules of
// [Pool] apply: a silent server keeps the vote. [WithReplaceAfter] is for Pool(address, 1).
//
// Two sources at one address are one machine and have one vote, even at different ports, unless
// [WithPortForwarding] says otherwise. Each poll uses a fresh socket and a random origin.
func Server(address string, options ...ServerOption) truetime.Source {
	s := &server{name: address, config: configure(options)}
	parsed, err := parseAddress(address)
	if err != nil {
		s.config.Add(err)
		return s
	}
	s.name, s.place = parsed.String(), newPlace(parsed)
	s.place.forwarded = s.config.forwarded
	return s
}

// Servers returns a [Server] for each address, without options.
func Servers(addresses ...string) []truetime.Source {
	var sources []truetime.Source
	for _, a := range addresses {
		sources = append(sources, Server(a))
	}
	return sources
}

// Info has the address in its shortest form for a name.
func (s *server) Info() truetime.SourceInfo {
	i := truetime.SourceInfo{Name: s.name, Scale: s.config.scale, Err: s.config.Err()}
	if s.place != nil && s.place.roster == nil {
		i.Peer = s.place.peer(s.place.server)
	}
	return i
}

// Sample asks the server once.
func (s *server) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := s.config.Err(); err != nil {
		return truetime.Sample{}, err
	}
	ctx, cancel := limit(ctx)
	defer cancel()
	asked, err := s.place.take(ctx)
	if err != nil {
		return truetime.Sample{}, err
	}
	to := netip.AddrPortFrom(asked.at, s.place.port)
	c, err := s.ask(ctx, counter, to, s.open, nil)
	if err != nil {
		return s.unused(to), s.place.failed(asked, noAnswer(ctx, to, err))
	}
	return s.conclude(c, s.place, asked)
}

// conclude is evaluate for the reply of the server that has a place, which learns what came of it.
func (s *server) conclude(c *conn, at *place, asked candidate) (truetime.Sample, error) {
	to := netip.AddrPortFrom(asked.at, at.port)
	sample, err := s.evaluate(c, to)
	s.asking.note(to, c, err == nil)
	if c.asked && errors.Is(err, truetime.ErrDenied) {
		err = unusable("%v, when asked for finer bounds: the next request is a plain one", err)
	}
	if err != nil {
		return s.unused(to), at.failed(asked, err)
	}
	sample.Peer = at.peer(asked)
	s.delay.Store(int64(sample.Delay))
	at.answered(asked)
	return sample, nil
}

// limit gives a context without a deadline one.
func limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, limited := ctx.Deadline(); limited {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, maxExchange)
}

// open opens the socket of an exchange.
func (s *server) open(to netip.AddrPort) (socket, error) {
	return openSocket(to, s.stamping())
}

// stamping is whose stamps the next exchange is to have. Where it takes long they make no difference.
func (s *server) stamping() stamping {
	switch {
	case s.config.programStamps:
		return programStamps
	case s.config.sharpStamps && time.Duration(s.delay.Load()) < sharpDelay:
		return sharpStamps
	}
	return kernelStamps
}

// ask performs one exchange over a socket that open opens. With a protection the request is sealed,
// and a datagram that it does not recognise is no reply. Whatever the reply says, if there is one
// there is no error.
func (s *server) ask(ctx context.Context, counter monotonic.Counter, to netip.AddrPort, open func(netip.AddrPort) (socket, error), p *protection) (*conn, error) {
	c, err := s.exchange(ctx, counter, to, open, p)
	if err != nil {
		s.asking.note(to, c, false)
		if c != nil && c.junk > p.rejections() {
			err = fmt.Errorf("%d datagrams came that do not answer the request: %w", c.junk, err)
		}
		if c != nil && c.asked {
			err = fmt.Errorf("asked for finer bounds, and the next request is a plain one: %w", err)
		}
		return nil, err
	}
	return c, nil
}

func (s *server) exchange(ctx context.Context, counter monotonic.Counter, to netip.AddrPort, open func(netip.AddrPort) (socket, error), p *protection) (*conn, error) {
	socket, err := open(to)
	if err != nil {
		return nil, err
	}
	c := newConn(ctx, counter, socket)
	defer c.Close()
	header := newRequest()
	request, size := header[:], maxReply
	asks := s.config.fineBounds && s.asking.due(to)
	if asks {
		request = appendQuestions(request)
	}
	if p != nil {
		if request, err = p.request.Seal(request); err != nil {
			return c, fmt.Errorf("cannot seal the request: %w", err)
		}
		c.accept, size = p.accept, maxSealedReply
	}
	c.settle()
	if err := ctx.Err(); err != nil {
		return c, err
	}
	if _, err := c.Write(request); err != nil {
		return c, err
	}
	c.asked = asks
	if p != nil {
		p.sent = true
	}
	_, err = c.Read(make([]byte, size))
	return c, err
}

// unused is what the clock has to know of a server beside the reason for which there is no sample.
func (s *server) unused(from netip.AddrPort) truetime.Sample {
	return truetime.Sample{MinPoll: s.config.pace(from.Addr())}
}

// evaluate turns the reply of an exchange into a sample or says why it cannot be used.
func (s *server) evaluate(c *conn, from netip.AddrPort) (truetime.Sample, error) {
	h := c.reply
	if h.stratum == 0 {
		return truetime.Sample{}, h.kissError()
	}
	if err := h.check(s.config); err != nil {
		return truetime.Sample{}, err
	}
	x := exchange{c1: c.sent, t2: h.received.time(), t3: h.transmitted.time(), c4: c.received, resolution: monotonic.Resolution(c.counter), driftPPM: c.driftPPM}
	sample, err := s.prove(c, x)
	if err == nil {
		err = s.config.check(sample.Delay, sample.Claim)
	}
	if err == nil {
		sample, err = s.distance.Narrow(s.config.distance, c.counter, sample, s.config.scale, x.slack()+c.pause)
	}
	if err != nil {
		return truetime.Sample{}, err
	}
	sample.Identity, sample.MinPoll = h.identity(), s.config.pace(from.Addr())
	sample.Stratum, sample.Leap, sample.Stamps = int(h.stratum), leapOf(h.leap), c.stamps
	if c.finer {
		sample.Stamps += ", finer bounds"
	}
	return sample, nil
}

// prove is what an exchange proves by the finest claim in its reply. A field whose claim does not
// agree with the header's, or with the exchange where the header's does, is false.
func (s *server) prove(c *conn, x exchange) (truetime.Sample, error) {
	extra := s.config.extraError
	if !c.asked {
		return x.facts(c.reply.claim() + extra)
	}
	claim, finer, err := c.reply.finest(c.fields)
	if c.finer = finer; err != nil {
		c.disproved = true
		return truetime.Sample{}, fmt.Errorf("%w; the next %d requests are plain ones", err, leaveOut)
	}
	sample, err := x.facts(claim + extra)
	if err != nil && finer {
		if _, coarse := x.facts(c.reply.claim() + extra); coarse == nil {
			c.disproved = true
			err = fmt.Errorf("by the error that its extension field states: %w; the next %d requests are plain ones", err, leaveOut)
		}
	}
	return sample, err
}

// noAnswer says why there is no reply.
func noAnswer(ctx context.Context, to netip.AddrPort, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("no answer from %v: %w: %w", to, ctx.Err(), err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %v: %w", to, syscall.ECONNREFUSED)
	default:
		return fmt.Errorf("asking %v: %w", to, err)
	}
}
