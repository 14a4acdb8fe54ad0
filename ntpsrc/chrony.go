package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/perclock"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// ChronySocket is where chronyd listens for commands unless its directive bindcmdaddress says
// otherwise. Root and members of chronyd's group may use it.
const ChronySocket = "/run/chrony/chronyd.sock"

// chronySource is a source that asks the chronyd of this host.
type chronySource struct {
	config config
	at     chronyAddress
	dial   func(chronyAddress) (net.Conn, error)
	wall   func() truetime.Time // the system clock that chronyd steers

	turn perclock.Turn // of who asks: what follows is learned from the order of the polls

	mu     sync.Mutex // guards memory
	memory perclock.Memory[chronyMemory]
}

// chronyMemory is what is remembered from poll to poll.
type chronyMemory struct {
	before *systemReading // of the last poll that was answered; nil before the first
	// distrusted is the time of the reference that chronyd had when the system clock was found
	// stepped. Until it has another one, chronyd may not know of the step.
	distrusted truetime.Time
}

// systemReading is what one poll has found.
type systemReading struct {
	counter   monotonic.Counter
	at        monotonic.Instant // by it
	time      truetime.Time     // true time, as chronyd sees it
	claim     time.Duration     // by how much it may be wrong
	reference truetime.Time     // when chronyd last heard from its own sources
}

// Chrony returns a source that asks the chronyd of this host, over its command protocol, how far
// the system clock is from true time, and reads that clock. The address is a Unix socket as in
// [ChronySocket], or a loopback IP address with or without a port (323 by default, chronyd's
// cmdport) as in "127.0.0.1" and "[::1]:323". Each poll uses a fresh socket. A mistake in the
// address or the options is reported by [truetime.New].
//
// True time is the system clock plus the correction that chronyd has not yet made. The claimed
// error E is the sum of
//
//	root delay / 2 + root dispersion     as chronyd claims them
//	+ |last offset|                      by how much chronyd was last found wrong
//	+ (drift + |frequency|) × age        since chronyd last heard from its sources
//	+ a third of the exchange            the system clock may be slewed, by up to 10 %, during it
//	+ WithExtraError                     what the user adds
//
// What is trusted: that chronyd's root distance is true, so that all the servers it follows are, as
// far as it cannot tell; that it steers the system clock of this host and no other daemon does; and
// that nobody steps the clock behind its back. A step during an exchange is seen and the sample
// dropped. A step between two polls that chronyd has not accounted for is seen if it is larger than
// the two claims: samples are then dropped until chronyd has heard from its sources again.
//
// The drift is what [truetime.WithDrift] declares, and at least 200 ppm for a clock with a counter
// of its own ([truetime.WithCounter]), which tells nothing of this host's oscillator. chronyd asks
// its sources every 64 to 1024 s by default, so 200 ppm add up to 13 to 205 ms between two answers.
// A smaller maxpoll of chronyd's servers narrows that.
//
// If chronyd follows a hypervisor's or a network card's clock as a PHC refclock, its root distance
// leaves out how far that clock is off, unless its delay or dispersion options say so. Add that
// bound by [WithExtraError], or let package vmsrc or ptpsrc ask the device.
//
// After a disruption of the counter, such as a suspend or a restore of the virtual machine, chronyd is
// used once it has heard from its servers since, which takes it until its next poll: what it says
// before follows from what it measured then (Sample.Age). It may weigh that together with older measurements; that
// its root distance covers this, too, is chronyd's word. A clock that is made anew after a disruption knows of none.
//
// A chronyd is one vote however many servers it follows, and a server that it follows is not
// independent of it: put both in one [truetime.Group], or list only one of them. A chronyd that
// serves its own clock (the directive local) is not used, unless [WithLocalReference] says so.
//
// Sample reads the system clock besides the counter it is given. It costs one round trip to
// chronyd, about 0.1 ms.
func Chrony(address string, options ...ChronyOption) truetime.Source {
	at, err := parseChronyAddress(address)
	c := &chronySource{config: configure(options), at: at, dial: dialChrony, wall: wallclock.System}
	c.config.Add(err)
	return c
}

// Info has "chronyd" and the address for a name.
func (c *chronySource) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: "chronyd " + c.at.String(), Scale: c.config.scale, Err: c.config.Err()}
}

// Sample asks chronyd once.
func (c *chronySource) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := c.config.Err(); err != nil {
		return truetime.Sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxExchange)
	defer cancel()
	if err := c.turn.Take(ctx); err != nil {
		return truetime.Sample{}, err
	}
	defer c.turn.Leave()
	x, err := c.ask(ctx, counter)
	if err != nil {
		return truetime.Sample{}, err
	}
	x.driftPPM = localcounter.HostDriftPPM(counter, truetime.PollInfoOf(ctx).DriftPPM)
	return c.evaluate(x)
}

// ask performs one exchange.
func (c *chronySource) ask(ctx context.Context, counter monotonic.Counter) (trackingExchange, error) {
	plain, err := c.dial(c.at)
	if err != nil {
		return trackingExchange{}, c.at.explain(err)
	}
	defer plain.Close()
	stop := context.AfterFunc(ctx, func() { _ = plain.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	x, err := askTracking(plain, func() bracket { return readBracket(counter, c.wall) })
	switch {
	case err == nil:
		x.counter, x.resolution = counter, monotonic.Resolution(counter)
		return x, nil
	case ctx.Err() != nil:
		return trackingExchange{}, fmt.Errorf("no answer from chronyd at %v: %w", c.at, context.Cause(ctx))
	case errors.Is(err, truetime.ErrUnusable):
		return trackingExchange{}, err
	}
	return trackingExchange{}, c.at.explain(err)
}

// evaluate turns an exchange into a sample or says why it cannot be used.
func (c *chronySource) evaluate(x trackingExchange) (truetime.Sample, error) {
	slack, err := x.slack()
	if err != nil {
		return truetime.Sample{}, err
	}
	if err := checkTracking(x.reply, c.config); err != nil {
		return truetime.Sample{}, err
	}
	correction := seconds(x.reply.CurrentCorrection)
	now := x.after.wall.Add(correction)
	e, err := trackingClaim(x.reply, now, x.driftPPM, c.config.maxReferenceAge)
	if err != nil {
		return truetime.Sample{}, err
	}
	e += slack + c.config.extraError
	delay := x.after.last.Sub(x.before.first)
	if err := c.config.check(delay, e); err != nil {
		return truetime.Sample{}, err
	}
	if err := c.follow(systemReading{x.counter, x.after.last, now, e, truetime.FromStd(x.reply.RefTime)}); err != nil {
		return truetime.Sample{}, err
	}
	return truetime.Sample{
		Sent:     x.before.first,
		Latest:   x.before.wall.Add(correction).Add(e),
		Age:      aged(max(now.Sub(truetime.FromStd(x.reply.RefTime)), 0) + e),
		Received: x.after.last,
		Earliest: now.Add(-e),
		Peer:     wallclock.Peer,
		Delay:    delay,
		Claim:    e,
		Stratum:  int(x.reply.Stratum),
		Leap:     leapOf(uint8(x.reply.LeapStatus)), // not above 3, trackingClaim has seen to it
	}, nil
}

// steady is the reciprocal of the drift, 1000 ppm, up to which an unexplained move of the system
// clock is not called a step. No bound rests on it.
const steady = 1000

// follow compares a reading with the one before it. Both being within their claims of true time,
// true time has passed between them as the counter says, within its drift. If not, the system clock
// was stepped and chronyd's correction does not tell.
func (c *chronySource) follow(r systemReading) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.memory.Of(r.counter)
	before := m.before
	m.before = &r
	if before != nil {
		elapsed := r.at.Sub(before.at)
		jump := r.time.Sub(before.time) - elapsed
		if jump.Abs() > before.claim+r.claim+elapsed.Abs()/steady {
			m.distrusted = r.reference
			return unusable("the system clock was stepped by about %v, or chronyd was wrong by that", jump)
		}
	}
	if !m.distrusted.IsZero() {
		if r.reference == m.distrusted {
			return unusable("the system clock was stepped, and chronyd has not heard from its sources since")
		}
		m.distrusted = 0
	}
	return nil
}
