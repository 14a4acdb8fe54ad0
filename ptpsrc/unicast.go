package ptpsrc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/internal/perclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	// maxSample bounds every Sample, also one whose context has a later deadline.
	maxSample = 5 * time.Second

	// How long messages are asked for: as long as a clock may wait between two polls of a lively
	// source, or for one sample only.
	longTerm  = 60 * time.Second
	shortTerm = 10 * time.Second
)

// unicast is a source that asks one PTP server.
type unicast struct {
	port   *Port // nil: one is opened for each sample
	host   string
	config config

	turn   perclock.Turn // guards what follows
	server server
	grants perclock.Memory[grants]
	wall   wallMemory

	distance distance.Record
}

// Unicast returns a source that asks the PTP server at a host name or an IP address, through a
// [Port] of its own which it opens for the time of each sample: long enough for the server to grant
// messages and to send one of each. That is simple and leaves nothing open, but two such sources on
// a host get into each other's way. For several servers, or several samples a second, see
// [Port.Unicast].
//
// A mistake in the server or the options is reported by [truetime.New].
func Unicast(server string, options ...UnicastOption) truetime.Source {
	return newUnicast(nil, server, options)
}

// Unicast returns a source that asks the PTP server at a host name or an IP address through this
// port. The server sends messages to the port for up to a minute after the last sample.
//
// A mistake in the server or the options is reported by [truetime.New].
func (p *Port) Unicast(server string, options ...UnicastOption) truetime.Source {
	return newUnicast(p, server, options)
}

func newUnicast(p *Port, name string, options []UnicastOption) *unicast {
	u := &unicast{port: p, config: configure(options)}
	var err error
	if u.server, err = parseServer(name); err != nil {
		u.server.host = name
		u.config.Add(err)
	}
	u.host = u.server.host
	return u
}

func (u *unicast) name() string {
	name := "ptp " + u.host
	if u.config.ports != wellKnown {
		name += fmt.Sprintf(" port %d", u.config.ports.event)
	}
	if u.config.domain != 0 {
		name += fmt.Sprintf(" domain %d", u.config.domain)
	}
	return name
}

// Info has "ptp" and the server for a name, with its domain and port if they are not the usual
// ones. The scale is TAI, unless WithUTCOffset says otherwise.
func (u *unicast) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: u.name(), Scale: u.config.trust.scale(), Err: u.config.Err()}
}

// Sample waits for a Sync and sends a Delay_Req upon it.
func (u *unicast) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := u.config.Err(); err != nil {
		return truetime.Sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxSample)
	defer cancel()
	if err := u.turn.Take(ctx); err != nil {
		return truetime.Sample{}, err
	}
	defer u.turn.Leave()
	if err := u.server.resolve(ctx); err != nil {
		return truetime.Sample{}, err
	}
	granted := u.grants.Of(counter)
	port, term := u.port, longTerm
	if port == nil {
		own, err := NewPort()
		if err != nil {
			return truetime.Sample{}, err
		}
		defer own.Close()
		port, term, *granted = own, shortTerm, grants{}
	}
	sample, err := u.ask(ctx, counter, port, term, granted)
	if u.port == nil {
		_ = port.send(u.general(), port.cancel(u.config.domain, granted.parent))
	}
	if err != nil && !errors.Is(err, truetime.ErrUnusable) {
		*granted = grants{} // nobody there, or somebody who has forgotten us
		u.server.forget()
	}
	return sample, err
}

func (u *unicast) ask(ctx context.Context, counter monotonic.Counter, port *Port, term time.Duration, granted *grants) (truetime.Sample, error) {
	from := peer{u.server.ip, u.config.domain}
	in, err := port.open(from, counter, !u.config.programStamps)
	if err != nil {
		return truetime.Sample{}, err
	}
	defer port.release(from)
	c := conversation{unicast: u, grants: granted, port: port, counter: counter, term: term, ruler: rulerOf(ctx, counter)}
	if !u.config.programStamps {
		c.wall = watchWall(hostPHC{}, counter, c.ruler.poll.DriftPPM, &u.wall)
	}
	defer func() { port.departures.forget(c.delayReq) }()
	if err := c.run(ctx, in); err != nil {
		return truetime.Sample{}, err
	}
	sample, err := c.evaluate()
	if err != nil {
		return truetime.Sample{}, err
	}
	sample.Peer = u.event().String()
	return sample, nil
}

func (u *unicast) event() netip.AddrPort {
	return netip.AddrPortFrom(u.server.ip, u.config.ports.event)
}

func (u *unicast) general() netip.AddrPort {
	return netip.AddrPortFrom(u.server.ip, u.config.ports.general)
}
