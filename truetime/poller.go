package truetime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// poller asks one source again and again. Its goroutine owns the exchange; everything else is
// guarded by the clock's lock.
type poller struct {
	index    int
	source   Source
	group    string
	schedule *polling.Schedule
	due      monotonic.Instant // when the next poll is, or the present one was
	again    chan struct{}     // asks the goroutine to start a burst

	verdict Verdict
	reach   uint8
	err     error  // of the last poll
	last    Sample // the last one used
	heard   bool   // last is valid
	peer    string // who answered last; nobody else of this clock may
	denied  bool   // it will not be asked again
}

func newPoller(index int, source Source, schedule *polling.Schedule) *poller {
	p := &poller{index: index, source: source, schedule: schedule, again: make(chan struct{}, 1), verdict: Silent}
	if m, ok := source.(member); ok {
		p.group = m.group
	}
	return p
}

// run polls until ctx ends or the source denies service.
func (c *Clock) run(ctx context.Context, p *poller) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-p.again:
			timer.Reset(c.beginBurst(p))
			continue
		}
		wait := c.poll(ctx, p)
		if p.denied || ctx.Err() != nil {
			return
		}
		timer.Reset(wait)
	}
}

// beginBurst returns the wait before the first poll of a new burst.
func (c *Clock) beginBurst(p *poller) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	wait := p.schedule.Restart()
	p.due = c.counter.Now().Add(wait)
	return wait
}

// forget drops what belongs to an epoch that has ended.
func (p *poller) forget() { p.last, p.heard, p.peer = Sample{}, false, "" }

// requestBurst asks the poller's goroutine to start a burst; a request that is already pending is enough.
func (p *poller) requestBurst() {
	select {
	case p.again <- struct{}{}:
	default:
	}
}

// poll performs one exchange and returns the wait before the next one.
func (c *Clock) poll(ctx context.Context, p *poller) time.Duration {
	c.mu.Lock()
	epoch, timeout := c.discipline.Epoch(), p.schedule.Timeout()
	c.mu.Unlock()

	limited, cancel := context.WithTimeout(ctx, timeout)
	sample, err := p.source.Sample(limited, c.counter)
	timedOut := limited.Err() != nil
	cancel()
	if ctx.Err() != nil {
		return 0 // closed meanwhile: what came of the exchange interests nobody
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.inspect()
	if err == nil {
		err = c.use(p, sample, epoch, now)
	}
	p.reach <<= 1
	p.err = err
	var wait time.Duration
	switch {
	case err == nil:
		p.reach |= 1
		wait = p.schedule.Answered(sample.Received.Sub(sample.Sent))
	case errors.Is(err, ErrDenied):
		p.denied, p.peer = true, ""
	case errors.Is(err, ErrSlowDown):
		wait = p.schedule.SlowDown()
	case timedOut:
		wait = p.schedule.TimedOut()
	default:
		wait = p.schedule.Failed()
	}
	if !p.denied {
		wait = c.share(p, wait, now)
	}
	if err != nil {
		c.events.emit(Event{Kind: EventPollFailed, Epoch: c.discipline.Epoch(), Source: p.source.Name(), Err: err})
	}
	c.learn(now)
	return wait
}

// shareBelow is the longest interval between polls for which sources share their wake-ups.
//
// To wake an idle process costs the runtime and the kernel some 0.3 ms of processor time, several
// times what an exchange costs, so that four sources asked every second one by one take three times
// as much as together. On the other hand the answer is as wide as the second best sample is old. Of
// four that are asked at random that is 2/5 of the interval on average, and 1/2 if all are equally
// old. Up to this interval the difference is 0.04 ms at 200 ppm.
const shareBelow = 2 * time.Second

// share returns a wait that ends when another source is due, if that is within the jitter that the
// wait has anyway, and notes when the poll is due.
func (c *Clock) share(p *poller, wait time.Duration, now monotonic.Instant) time.Duration {
	p.due = now.Add(wait)
	if wait > shareBelow {
		return wait
	}
	least, most := p.schedule.Window()
	for _, other := range c.pollers {
		if left := other.due.Sub(now); other != p && !other.denied && least <= left && left <= most {
			p.due = other.due
			return left
		}
	}
	return wait
}

// use gives a sample to the discipline.
func (c *Clock) use(p *poller, s Sample, epoch uint64, now monotonic.Instant) error {
	if s.Earliest.IsZero() || s.Latest.IsZero() {
		return fmt.Errorf("%w: the sample has no time in it", ErrUnusable)
	}
	for _, other := range c.pollers {
		if s.Peer != "" && other.peer == s.Peer && other != p {
			return fmt.Errorf("%w: it is %s, the same server as %s: one server has one vote", ErrUnusable, s.Peer, other.source.Name())
		}
	}
	facts := discipline.Facts{
		Upper: discipline.Point{At: s.Sent, Time: int64(s.Latest)},
		Lower: discipline.Point{At: s.Received, Time: int64(s.Earliest)},
	}
	if err := c.discipline.Add(p.index, facts, epoch, now); err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	p.last, p.heard, p.peer = s, true, s.Peer
	return nil
}

// lately is the last three polls: one or two lost datagrams are no silence.
const lately = 0b111

func (p *poller) answersLately() bool { return !p.denied && p.reach&lately != 0 }

// judge combines what the agreement says with how the last polls went.
func (p *poller) judge(d *discipline.Discipline) Verdict {
	if !p.answersLately() {
		if errors.Is(p.err, ErrUnusable) || errors.Is(p.err, ErrSlowDown) || errors.Is(p.err, ErrDenied) {
			return Unusable
		}
		return Silent
	}
	switch d.Verdict(p.index) {
	case discipline.Truechimer:
		return Truechimer
	case discipline.Falseticker:
		return Falseticker
	case discipline.Convicted:
		return Convicted
	default:
		return Undecided
	}
}

func (p *poller) status(d *discipline.Discipline, now monotonic.Instant) SourceStatus {
	s := SourceStatus{
		Name:    p.source.Name(),
		Group:   p.group,
		Verdict: p.judge(d),
		Err:     p.err,
		Reach:   p.reach,
	}
	if i := d.Interval(p.index, now); i.Bounded() {
		s.Interval = interval(i)
	}
	if p.heard {
		s.Delay, s.Error, s.Stratum, s.Leap = p.last.Delay, p.last.Error, p.last.Stratum, p.last.Leap
		s.Age = now.Sub(p.last.Received)
	}
	if !p.denied {
		s.Poll = p.schedule.Interval()
	}
	return s
}
