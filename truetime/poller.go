package truetime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/alarm"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// poller is what the clock knows about one source, besides what the engine does. The clock's lock
// guards it.
type poller struct {
	index  int
	source Source
	info   SourceInfo // as it was when the clock was made

	verdict Verdict
	err     error  // of the last poll
	unused  error  // why its sample was not used, if there was none or it was not
	last    Sample // the last one used
	heard   bool   // last is valid
}

// forget drops what belongs to an epoch that has ended.
func (p *poller) forget() { p.last, p.heard = Sample{}, false }

// pollWhenDue polls a source whenever it is due, until ctx ends.
//
// Once the timer has fired the source is polled whatever the counter says: a counter that has stopped shows only in
// what the sources say.
func (c *Clock) pollWhenDue(ctx context.Context, p *poller) {
	timer := time.NewTimer(time.Hour) // of Go's: no bound follows from when it fires
	defer timer.Stop()
	for {
		wait, rescheduled := c.nextPoll(p)
		if wait < alarm.Soonest {
			if ctx.Err() != nil {
				return
			}
			c.poll(ctx, p)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			c.poll(ctx, p)
		case <-rescheduled:
		}
	}
}

// nextPoll returns how long it is until a source is to be asked, and a channel that is closed if that changes before.
func (c *Clock) nextPoll(p *poller) (wait time.Duration, rescheduled <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.Due(p.index).Sub(c.counter.Now()), c.rescheduled
}

// poll performs one exchange.
func (c *Clock) poll(ctx context.Context, p *poller) {
	c.mu.Lock()
	exchange := c.engine.Begin(p.index, c.counter.Now())
	info := PollInfo{Verdict: p.verdict, Unused: p.unused, Claimed: c.claimed, DriftPPM: c.driftPPM, UnseenPause: c.unseenPause}
	c.mu.Unlock()
	limited, cancel := context.WithTimeout(ContextWithPollInfo(ctx, info), exchange.Timeout)
	sample, err := p.source.Sample(limited, c.counter)
	timedOut := limited.Err() != nil
	cancel()
	if ctx.Err() != nil {
		return // closed meanwhile: what came of the exchange interests nobody
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	err = checked(sample, err)
	c.finishLocked(p, exchange, sample, engine.OutcomeOf(err, timedOut), err, c.lookLocked())
}

// checked returns the error of a poll: a sample without a time in it has one.
func checked(s Sample, err error) error {
	if err == nil && (s.Earliest.IsZero() || s.Latest.IsZero()) {
		return fmt.Errorf("%w: the sample has no time in it", ErrUnusable)
	}
	return err
}

// finishLocked gives what came of an exchange to the engine.
func (c *Clock) finishLocked(p *poller, x engine.Exchange, s Sample, o engine.Outcome, err error, now monotonic.Instant) {
	reply := engine.Reply{Outcome: o, MinPoll: s.MinPoll}
	if o == engine.Answered {
		reply.Peer, reply.Identity, reply.Age = s.Peer, s.Identity, s.Age
		reply.Say, reply.TAIOffset = leap.Say(s.Leap), s.TAIOffset
		reply.Facts = discipline.Facts{
			Upper: discipline.Point{At: s.Sent, Time: int64(s.Latest)},
			Lower: discipline.Point{At: s.Received, Time: int64(s.Earliest)},
			Claim: int64(s.Claim),
		}
	}
	refused := c.engine.Finish(p.index, x, reply, now)
	c.recordLocked(now, func() []byte { return journal.Finish(c.engine, p.index, x, reply, now) })
	var duplicate *engine.DuplicateError
	switch {
	case errors.As(refused, &duplicate):
		err = fmt.Errorf("%w: it is %s, the same server as %s: one server has one vote", ErrUnusable, s.Peer, c.pollers[duplicate.Other].info.Name)
	case refused != nil:
		err = fmt.Errorf("%w: %w", ErrUnusable, refused)
	case o == engine.Answered:
		p.last, p.heard = s, true
		err = c.engine.Suspicion(p.index)
	}
	p.err, p.unused = err, nil
	if err != nil && (o != engine.Answered || refused != nil) {
		p.unused = err
		c.events.emit(Event{Kind: EventPollFailed, Epoch: c.engine.Discipline().Epoch(), Source: p.info.Name, Err: err})
	}
	c.publishLocked(now)
}

// describe adds to a report what the engine does not know.
func (p *poller) describe(s *SourceStatus, now monotonic.Instant) {
	s.Group, s.Scale, s.Authenticated, s.Err = p.info.Group, p.info.Scale, p.info.Authenticated, p.err
	if p.heard {
		s.Delay, s.MinDelay, s.Claim = p.last.Delay, p.last.MinDelay, p.last.Claim
		s.Stratum, s.Leap, s.Stamps, s.Age = p.last.Stratum, p.last.Leap, p.last.Stamps, now.Sub(p.last.Received)
	}
}
