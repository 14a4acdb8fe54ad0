package ptpsrc

import (
	"context"
	"fmt"
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// conversation is what one Sample hears from a server and says to it, until it has an Announce, a
// Sync with the time at which it was sent, and the answer to the Delay_Req that was sent upon it.
type conversation struct {
	*unicast
	grants  *grants
	port    *Port
	counter monotonic.Counter
	term    time.Duration // for which messages are asked
	wall    wallBracket   // what the kernel's stamps are worth
	ruler   ruler

	announce  *protocol.Announce
	sync      *protocol.SyncDelayReq
	received  monotonic.Instant // of the Sync
	followUps followUps
	delayReq  *departure        // sent upon the Sync; nil: none was
	asked     time.Time         // when that was
	patience  time.Duration     // for how long its answer is waited for
	sent      monotonic.Instant // of the Delay_Req, once it is answered
	answer    *protocol.DelayResp
	answered  monotonic.Instant // after it had come

	receivedBy, sentBy witness
}

const (
	// repeatAfter is when a request for messages is repeated. It may have been lost, or the server
	// may have been restarted and know of no grants.
	repeatAfter = 250 * time.Millisecond

	// patience is for how long the answer to a Delay_Req is waited for at first, while other Syncs come. Each time
	// that none has come it is twice as long, as the server may be far away.
	patience = 250 * time.Millisecond

	// maxMessages ends a Sample that hears much and nothing that it needs.
	maxMessages = 10_000
)

// run listens until the conversation is complete.
func (c *conversation) run(ctx context.Context, in *inbox) error {
	repeat := time.NewTicker(max(repeatAfter, 2*(time.Second>>-c.config.interval)))
	defer repeat.Stop()
	if c.grants.due(c.counter.Now()) {
		if err := c.request(); err != nil {
			return err
		}
	}
	for range maxMessages {
		select {
		case m := <-in.messages:
			if err := c.take(m); err != nil {
				return err
			}
			if c.complete() {
				return nil
			}
		case <-repeat.C:
			if err := c.request(); err != nil {
				return err
			}
		case <-in.closed:
			return errClosed
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", c.missing(), ctx.Err())
		}
	}
	return fmt.Errorf("%d messages came from %v and none of use: %s", maxMessages, c.server.ip, c.missing())
}

func (c *conversation) request() error {
	return c.port.send(c.general(), c.port.request(c.config.domain, c.config.interval, c.term))
}

// take uses a message or ignores it.
func (c *conversation) take(m arrival) error {
	if s, ok := m.packet.(*protocol.Signaling); ok {
		if s.TargetPortIdentity != c.port.identity {
			return nil
		}
		if s.SourcePortIdentity != c.grants.parent { // what was heard is of another clock
			c.announce, c.sync, c.followUps, c.answer = nil, nil, followUps{}, nil
		}
		c.grants.refuse = ""
		if c.grants.take(s, m.at); c.grants.refuse != "" {
			return unusable("%v refuses to send %s messages at this rate: see WithMessageRate", c.server.ip, c.grants.refuse)
		}
		return nil
	}
	// Whoever has not been asked is not listened to, nor a master that says it is not the one to
	// follow.
	h := headerOf(m.packet)
	if h.SourcePortIdentity != c.grants.parent || h.FlagField&protocol.FlagAlternateMaster != 0 {
		return nil
	}
	switch p := m.packet.(type) {
	case *protocol.Announce:
		if c.grants.announces(p.SequenceID) {
			c.announce = p
		}
	case *protocol.SyncDelayReq:
		return c.takeSync(p, m)
	case *protocol.FollowUp:
		c.followUps.take(p)
	case *protocol.DelayResp:
		if c.delayReq != nil && p.SequenceID == c.delayReq.sequence && p.RequestingPortIdentity == c.port.identity {
			c.answer, c.answered = p, m.at
			c.sent, c.sentBy = c.left()
		}
	}
	return nil
}

// takeSync begins anew with each Sync, so that of a lost message nothing is missed, unless the answer to the Delay_Req
// that was sent upon the last one may still come. It asks at once, while the Sync is fresh. Of two with one number the
// later one counts: its time of sending is that of the earlier one, if it is a copy.
func (c *conversation) takeSync(p *protocol.SyncDelayReq, m arrival) (err error) {
	if c.sync != nil && c.sync.SequenceID != p.SequenceID && c.delayReq != nil && c.answer == nil {
		if time.Since(c.asked) < c.patience { // which no bound depends on
			return nil
		}
		c.patience *= 2
	}
	c.patience, c.asked = max(c.patience, patience), time.Now() // patience, and no bound
	c.sync, c.answer = p, nil
	c.received, c.receivedBy = c.wall.arrived(m)
	c.port.departures.forget(c.delayReq)
	c.delayReq, err = c.port.sendDelayReq(c.config.domain, c.event(), c.wall, c.counter)
	return err
}

// left returns a reading that the counter had reached when the Delay_Req left, and who says so. It
// has been answered, so its stamp, if there is one, has been made.
func (c *conversation) left() (monotonic.Instant, witness) {
	stamp := c.port.departures.stampOf(c.delayReq)
	if stamp == 0 {
		c.port.takeStamps()
		stamp = c.port.departures.stampOf(c.delayReq)
	}
	return c.wall.left(c.delayReq, stamp)
}

func (c *conversation) twoStep() bool { return c.sync.FlagField&protocol.FlagTwoStep != 0 }

func (c *conversation) complete() bool {
	return c.announce != nil && c.sync != nil && (!c.twoStep() || c.followedUp()) && c.answer != nil
}

// followedUp reports whether the Follow_Up of the Sync is there.
func (c *conversation) followedUp() bool { return c.followUps.of(c.sync.SequenceID) != nil }

// missing says for what the conversation was waiting when it was ended.
func (c *conversation) missing() string {
	switch {
	case c.grants.term == 0:
		return fmt.Sprintf("%v has not granted any messages: no PTP server is there, it is not in domain %d, or it does not do unicast negotiation (ptp4l: unicast_listen 1)", c.server.ip, c.config.domain)
	case c.announce == nil && c.sync == nil:
		return fmt.Sprintf("%v sends nothing although it has granted it", c.server.ip)
	case c.announce == nil:
		return fmt.Sprintf("no Announce from %v", c.server.ip)
	case c.sync == nil:
		return fmt.Sprintf("no Sync from %v", c.server.ip)
	case c.answer == nil:
		return fmt.Sprintf("no Delay_Resp from %v", c.server.ip)
	default:
		return fmt.Sprintf("no Follow_Up from %v", c.server.ip)
	}
}

// evaluate turns a complete conversation into a sample or says why it cannot be used.
func (c *conversation) evaluate() (truetime.Sample, error) {
	g := announced(c.announce)
	e, err := g.claim(c.config.trust)
	if err != nil {
		return truetime.Sample{}, err
	}
	e += c.config.extraError
	ahead, err := g.ahead(c.config.trust)
	if err != nil {
		return truetime.Sample{}, err
	}
	x, err := c.exchange(ahead)
	if err != nil {
		return truetime.Sample{}, err
	}
	sample, err := x.facts(e)
	if err == nil {
		sample, err = x.narrow(sample, c.counter, c.answered, c.config.distance, &c.distance)
	}
	if err != nil {
		return truetime.Sample{}, err
	}
	sample.TAIOffset, sample.Identity = g.taiOffset(c.config.trust), g.shown()
	sample.Leap, sample.Stratum, sample.Stamps = g.leap(), 1+int(min(g.between, 14)), stampedBy(c.receivedBy, c.sentBy)
	return sample, c.config.check(sample.Delay, e)
}

// exchange reads the time stamps of a complete conversation.
func (c *conversation) exchange(ahead time.Duration) (exchange, error) {
	stamp, fields := c.sync.OriginTimestamp, []protocol.Correction{c.sync.CorrectionField}
	if c.twoStep() {
		followUp := c.followUps.of(c.sync.SequenceID)
		stamp, fields = followUp.PreciseOriginTimestamp, append(fields, followUp.CorrectionField)
	}
	origin, err := serverTime(stamp, ahead)
	if err != nil {
		return exchange{}, err
	}
	later, err := correctionOf(c.config.corrections, fields...)
	if err != nil {
		return exchange{}, err
	}
	arrival, err := serverTime(c.answer.ReceiveTimestamp, ahead)
	if err != nil {
		return exchange{}, err
	}
	earlier, err := correctionOf(c.config.corrections, c.answer.CorrectionField)
	if err != nil {
		return exchange{}, err
	}
	return exchange{
		received: c.received,
		origin:   origin.Add(later.sum()),
		sent:     c.sent,
		arrival:  arrival.Add(-earlier.sum()),
		ruler:    c.ruler,

		syncOnTheWay: later.onTheWay, delayReqOnTheWay: earlier.onTheWay,
	}, nil
}

// announced reads an Announce message.
func announced(a *protocol.Announce) grandmaster {
	return grandmaster{
		identity:  a.GrandmasterIdentity,
		class:     uint8(a.GrandmasterClockQuality.ClockClass),
		accuracy:  uint8(a.GrandmasterClockQuality.ClockAccuracy),
		between:   a.StepsRemoved,
		flags:     a.FlagField,
		utcOffset: a.CurrentUTCOffset,
		source:    a.TimeSource,
	}
}
