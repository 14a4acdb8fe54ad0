package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/beevik/ntp"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// maxExchange bounds an exchange whose context has no deadline.
const maxExchange = 5 * time.Second

// server is a source that asks one NTP server.
type server struct {
	name    string
	target  *target
	limits  limits
	mistake error
}

// Server returns a source that asks the NTP server at address: a host name or an IP address, with or
// without a port (123 by default), as in "ntp1.example.net", "192.0.2.7:1123", "2001:db8::7" and
// "[2001:db8::7]:1123". A mistake in the address or the options is reported by [truetime.New].
//
// A name is resolved at the first poll and again when the address found does not answer. Each poll
// uses a fresh socket and a random origin.
func Server(address string, options ...Option) truetime.Source {
	s := &server{name: address, limits: defaultLimits()}
	parsed, err := parseAddress(address)
	if err == nil {
		s.name, s.target = parsed.String(), newTarget(parsed)
	}
	s.note(err)
	s.apply(options)
	if s.limits.tls != nil {
		s.note(errors.New("WithTLSConfig is for NTS alone: a Server is not authenticated"))
	}
	return s
}

// apply applies the options and notes every mistake in them.
func (s *server) apply(options []Option) {
	for _, o := range options {
		if o == nil {
			s.note(errors.New("an option is nil"))
			continue
		}
		s.note(o(&s.limits))
	}
}

// Servers returns a [Server] for each address, without options.
func Servers(addresses ...string) []truetime.Source {
	var sources []truetime.Source
	for _, a := range addresses {
		sources = append(sources, Server(a))
	}
	return sources
}

// note adds a mistake to those that Validate reports.
func (s *server) note(mistake error) {
	switch {
	case mistake == nil:
	case s.mistake == nil:
		s.mistake = mistake
	default:
		s.mistake = fmt.Errorf("%w; %w", s.mistake, mistake)
	}
}

// Name returns the address in its shortest form.
func (s *server) Name() string { return s.name }

// Validate reports what is wrong with the address and the options.
func (s *server) Validate() error { return s.mistake }

// Sample asks the server once.
func (s *server) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if s.mistake != nil {
		return truetime.Sample{}, s.mistake
	}
	ctx, cancel := limit(ctx)
	defer cancel()
	to, err := s.target.resolve(ctx)
	if err != nil {
		return truetime.Sample{}, err
	}
	sample, replied, err := s.ask(ctx, counter, to, dial)
	if !replied {
		s.target.giveUp()
		return truetime.Sample{}, noAnswer(ctx, to, err)
	}
	sample.Peer, sample.MinPoll = to.String(), pace(to.Addr())
	return sample, err
}

// limit gives a context without a deadline one.
func limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, limited := ctx.Deadline(); limited {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, maxExchange)
}

// ask performs one exchange over a connection that dial opens, and says whether there was a reply.
func (s *server) ask(ctx context.Context, counter monotonic.Counter, to netip.AddrPort, dial func(netip.AddrPort) (net.Conn, error)) (sample truetime.Sample, replied bool, err error) {
	return s.askProtected(ctx, counter, to, dial, nil)
}

// askProtected is ask with a protection, if there is one: a datagram that it does not recognise is
// no reply.
func (s *server) askProtected(ctx context.Context, counter monotonic.Counter, to netip.AddrPort, dial func(netip.AddrPort) (net.Conn, error), p *protection) (sample truetime.Sample, replied bool, err error) {
	var c *conn
	response, err := ntp.QueryWithOptions(to.String(), ntp.QueryOptions{
		Timeout: maxExchange,
		// Called once before the request is written and once after the reply is read: c1 and c4.
		// Being our counter it is not moved by whoever sets the wall clock meanwhile.
		GetSystemTime: func() time.Time { return time.Unix(0, int64(counter.Now())) },
		Dialer: func(_, _ string) (net.Conn, error) {
			plain, err := dial(to)
			if err != nil {
				return nil, err
			}
			c = newConn(ctx, plain)
			if p != nil {
				c.accept = p.accept
			}
			return c, nil
		},
		Extensions: p.extensions(),
	})
	if c == nil || !c.replied {
		if c != nil && c.junk > p.rejections() {
			err = fmt.Errorf("%d datagrams came that do not answer the request: %w", c.junk, err)
		}
		return truetime.Sample{}, false, err
	}
	sample, err = s.judge(c.reply, response, err)
	return sample, true, err
}

// judge turns a reply into a sample or says why it cannot be used.
func (s *server) judge(h header, response *ntp.Response, err error) (truetime.Sample, error) {
	if h.stratum == 0 {
		return truetime.Sample{}, h.kissError()
	}
	if err != nil {
		return truetime.Sample{}, unusable("%v", err)
	}
	if err := h.check(s.limits.maxStratum); err != nil {
		return truetime.Sample{}, err
	}
	stamps := response.Timestamps
	x := exchange{
		c1: monotonic.Instant(stamps.ClientXmit.UnixNano()),
		t2: truetime.FromStd(stamps.ServerRecv),
		t3: truetime.FromStd(stamps.ServerXmit),
		c4: monotonic.Instant(stamps.ClientRecv.UnixNano()),
	}
	sample, err := x.facts(h.claim() + s.limits.extraError)
	if err != nil {
		return truetime.Sample{}, err
	}
	if err := s.limits.check(sample.Delay, sample.Error); err != nil {
		return truetime.Sample{}, err
	}
	sample.Stratum, sample.Leap = int(h.stratum), truetime.Leap(h.leap)
	return sample, nil
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
