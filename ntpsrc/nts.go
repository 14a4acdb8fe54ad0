package ntpsrc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/internal/nts"
	"github.com/epsilontime/epsilon/truetime"
)

const ntsPort = 4460 // of the key exchange (RFC 8915 section 7.2)

// WithTLSConfig sets the TLS configuration of the key exchange of [NTS], as for an authority of
// one's own in RootCAs, or a name in the certificate that is not the host's in ServerName. It is
// copied; TLS 1.3 and the protocol ntske/1 are set in any case. A configuration that checks no
// certificate is a mistake.
func WithTLSConfig(settings *tls.Config) NTSOption {
	return option(func(c *config) {
		if settings == nil {
			c.Addf("the TLS configuration is nil")
		}
		c.tls = settings
	})
}

// secured is a source that asks one NTP server under NTS.
type secured struct {
	server
	keys    keys
	connect func(netip.AddrPort) (socket, error) // open, unless a test has another
}

// NTS returns a source that asks an NTP server authenticated by Network Time Security (RFC 8915).
// Address is that of its key exchange: a host name or an IP address, with or without a port (TCP
// 4460 by default). The key exchange says which NTP server to ask, by default the same host at port
// 123, and its certificate must be for the host in address. A mistake in the address or the options
// is reported by [truetime.New].
//
// A reply that the server has not sealed for this very request is ignored as if it had never come.
// All checks of [Server] apply to what it has sealed. Keys are exchanged within the first poll, and
// within a later one when no cookie is left or the server does not know ours any more; then it
// takes a few round trips longer. Between two exchanges lie at least 10 s, and half as much again
// for each one that brought no authenticated reply, up to some eight minutes as each counts half
// after an hour. One that could not even connect does not count: after an outage the source is back
// with its next poll.
//
// The certificate is checked against the wall clock of this host. Where that may be far off, as on
// a machine without a battery, set Time in the configuration given to [WithTLSConfig].
func NTS(address string, options ...NTSOption) truetime.Source {
	s := &secured{server: server{name: address, config: configure(options)}}
	s.connect = s.open
	parsed, err := parseAddressOf(ntsPort, address)
	if err != nil {
		s.config.Add(err)
		return s
	}
	settings, err := nts.ClientConfig(s.config.tls, parsed.hostText())
	s.config.Add(err)
	s.keys = newKeys(parsed, settings, s.config.forwarded)
	s.name = "nts://" + parsed.hostText()
	if parsed.port != ntsPort {
		s.name = "nts://" + parsed.hostPort()
	}
	return s
}

// Info has the address of the key exchange, as a URL with the scheme nts, for a name.
func (s *secured) Info() truetime.SourceInfo {
	i := s.server.Info()
	i.Authenticated = true
	return i
}

// Sample asks the server once, after a key exchange if one is due.
func (s *secured) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := s.config.Err(); err != nil {
		return truetime.Sample{}, err
	}
	ctx, cancel := limit(ctx)
	defer cancel()

	current, err := s.keys.ready(ctx, counter)
	if err != nil {
		return truetime.Sample{}, err
	}
	asked, err := current.place.take(ctx)
	if err != nil {
		return truetime.Sample{}, fmt.Errorf("the NTP server that the key exchange named: %w", err)
	}
	request, ok := current.association.Request()
	if !ok {
		return truetime.Sample{}, errors.New("another clock has just used the last NTS cookie")
	}
	p := &protection{request: request}
	to := netip.AddrPortFrom(asked.at, current.place.port)
	c, err := s.ask(ctx, counter, to, s.connect, p)
	if err != nil {
		if !p.sent {
			current.association.Return(request) // the network is down, for one
		}
		err = current.place.failed(asked, p.explain(noAnswer(ctx, to, err)))
		s.keys.unanswered(current, p.nak, err)
		return s.unused(to), err
	}
	s.keys.answered(current)
	return s.conclude(c, current.place, asked)
}
