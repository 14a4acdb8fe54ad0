package truetime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
	"github.com/epsilontime/epsilon/truetime/internal/peaks"
)

// Clock answers with intervals that contain true time. It polls its sources in the background until
// it is closed. All methods are safe for use by many goroutines.
type Clock struct {
	counter     monotonic.Counter
	driftPPM    float64       // of the counter
	unseenPause time.Duration // of it

	// published is all that Now needs. It is replaced as a whole and never changed.
	published atomic.Pointer[answer]

	mu       sync.Mutex // guards all that follows, and the state of every poller
	engine   *engine.Engine
	watch    watch
	pollers  []*poller
	claimed  []string // the peers of sources that cannot ask anybody else
	faulty   int
	state    State
	epoch    uint64        // of the last report
	changed  chan struct{} // closed and replaced whenever an answer is published
	lookAt   *time.Timer   // the next look at the counter
	events   *eventQueue
	journal  *recorder
	peaks    peaks.Peaks
	refusals refusals
	flight   *FlightRecorder

	rescheduled chan struct{} // closed and replaced when a new epoch brings all polls forward

	leapsRefused string     // why a leap second table is not used
	leapReport   LeapReport // of the last event

	close   sync.Once
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New starts a clock that polls the given sources, and returns at once; use [Clock.WaitSynchronized]
// to wait for a first answer. Mistakes in the sources and options are reported together, in one
// error, and then nothing has been started.
//
// Each source is polled by a goroutine of its own, which waits in between, and one more looks at the counter.
// None of them holds a file descriptor between polls; a source that does says so.
//
// How many sources? With n voters the clock stays right while f = ⌊(n−1)/2⌋ of them are wrong: none
// of 2, 1 of 3 or 4, 2 of 5. It answers as soon as f+1 of them have been heard, at the start and after a
// disruption: three go on with one down, and five with two. More of them narrow the answer. While only f+1
// answer, a wrong one among them widens it, by up to 16 s at a first answer, and [Status.Summary] says so.
// If you need a narrow answer, ask [Clock.WaitSynchronized] for it, or configure enough servers that 2f+1 still
// answer when one is down: of four, three are left then (RFC 8633 section 3.2), of which two outvote the third.
//
// A machine counts once, however many addresses and names it has, as far as its replies show it
// ([Sample].Identity): a moment is ruled out if more than f voters exclude it that are different machines. The
// sources of a [Group] are one voter by declaration.
func New(sources []Source, options ...Option) (*Clock, error) {
	config, err := configure(sources, options)
	if err != nil {
		return nil, err
	}
	c := newClock(config, sources)
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	for _, p := range c.pollers {
		c.running.Go(func() { c.pollWhenDue(ctx, p) })
	}
	c.running.Go(func() { c.lookWhenDue(ctx) })
	if system := config.leaps.system; system != nil {
		c.running.Go(func() { c.keepLeapSeconds(ctx, system, rereadAfter) })
	}
	return c, nil
}

// newClock makes a clock that does nothing yet but report events.
func newClock(config config, sources []Source) *Clock {
	c := &Clock{
		counter:     config.counter,
		driftPPM:    config.choices.DriftPPM,
		unseenPause: config.choices.UnseenPause,
		watch:       newWatch(config),
		faulty:      config.engine.Discipline.Faulty,
		epoch:       1,
		changed:     make(chan struct{}),
		lookAt:      time.NewTimer(engine.LookEvery),

		rescheduled: make(chan struct{}),

		events: newEventQueue(config.events),
		flight: config.flight,

		leapsRefused: config.leaps.refused,
	}
	setup := config.engine
	setup.Discipline.Counter = c.watch.counterSpec()
	setup.Now, setup.Seed, setup.Table = c.counter.Now(), config.seed, config.leaps.table
	c.engine = engine.New(setup)
	c.published.Store(&answer{Answer: c.engine.Answer(setup.Now, 0, line.Nanoseconds)}) // a refusal
	c.refusals.why = ErrNotSynchronized
	for i, s := range sources {
		c.pollers = append(c.pollers, &poller{index: i, source: s, info: config.infos[i], verdict: Silent})
		if peer := config.infos[i].Peer; peer != "" && setup.Discipline.Voter[i] != discipline.NoVote {
			c.claimed = append(c.claimed, peer)
		}
	}
	c.journal = newRecorder(config.recorder, func(err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.events.emit(Event{Kind: EventRecorder, Epoch: c.epoch, Err: err})
	})
	c.journal.record(func() []byte { return journal.Begin(setup, c.names()) })
	if f := c.flight; f != nil {
		f.flight.Begin(f.span, setup.Now, func() []byte { return journal.BeginLate(setup, c.names(), c.engine) })
	}
	return c
}

// made reports whether the clock is one that [New] has returned. Any other is closed.
func (c *Clock) made() bool { return c != nil && c.engine != nil }

// After reports whether t has certainly passed. It is false when the clock has no answer.
func (c *Clock) After(t Time) bool {
	i, err := c.Now()
	return err == nil && i.After(t)
}

// Before reports whether t has certainly not arrived. It is false when the clock has no answer.
func (c *Clock) Before(t Time) bool {
	i, err := c.Now()
	return err == nil && i.Before(t)
}

// WaitSynchronized waits until the clock answers with an uncertainty ε of at most max, which must
// be above 0. That a program is ready to serve is a statement about the bound, not about a guess at
// the offset.
//
// If ctx ends first the error wraps ctx's and says what was missing; if the clock is closed it is
// [ErrClosed].
func (c *Clock) WaitSynchronized(ctx context.Context, max time.Duration) error {
	if max <= 0 {
		return fmt.Errorf("truetime: cannot wait for an uncertainty of %v: it must be above 0", max)
	}
	for {
		// Uncertainty falls only when something is published, so that is all there is to wait for.
		changed := c.Changed()

		i, err := c.Now()
		if err == nil && i.Uncertainty() <= max {
			return nil
		}
		if errors.Is(err, ErrClosed) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return c.notSynchronized(ctx, max)
		}
	}
}

// Changed returns a channel that is closed when the clock next publishes anything: an answer with a
// new sample in it, where Earliest may have jumped ahead, a refusal, or that it has been closed. Take
// the channel before calling Now and wait on it after, and nothing is missed; then take the next one.
//
// Nothing is published after Close, so the channel of a closed clock is not closed. An answer that
// grows too wide with time, and a disruption that the hypervisor reports, are seen by Now before
// they are published.
func (c *Clock) Changed() <-chan struct{} {
	if !c.made() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// notSynchronized says why WaitSynchronized gave up.
func (c *Clock) notSynchronized(ctx context.Context, max time.Duration) error {
	s := c.Status()
	if s.Interval.Valid() {
		return fmt.Errorf("%w: ε is %v and was to be at most %v: %w", ErrUncertaintyTooLarge, s.Uncertainty, max, ctx.Err())
	}
	return fmt.Errorf("%w: %w: %s", s.Err, ctx.Err(), s.Summary())
}

// Status returns a report on the clock as it is now.
func (c *Clock) Status() Status {
	if !c.made() {
		return Status{State: Closed, Err: errNotMade}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// The counter before Now, which looks at the hypervisor's marker after it: what Now refuses is not shown here either.
	a := c.published.Load()
	raw := c.reading(a)
	_, err := c.Now()
	var published *engine.Answer
	if err == nil || errors.Is(err, ErrUncertaintyTooLarge) {
		published = &a.Answer
	}
	now := c.counter.Now()
	s := statusOf(c.engine.Report(now, published, raw), c.names())
	s.State, s.Err, s.Counter = c.state, err, c.watch.describe()
	s.DriftPPM, s.Refusals = c.driftPPM, c.refusals.Refusals
	s.LeapSeconds.TableRefused = c.leapsRefused
	for i, p := range c.pollers {
		p.describe(&s.Sources[i], now)
	}
	return s
}

// Close stops polling, waits until every goroutine of the clock has ended, and makes Now return
// [ErrClosed]. It always returns nil, and may be called more than once.
func (c *Clock) Close() error {
	if !c.made() {
		return nil
	}
	c.close.Do(func() {
		c.cancel()
		c.mu.Lock()
		c.setAnswerLocked(answer{Answer: engine.Closed()}, Closed)
		c.mu.Unlock()
		c.running.Wait()
		c.journal.finish()
		c.events.finish()
	})
	return nil
}

// publishLocked brings the outside up to date after the engine has been told something: the answer, the
// state and the verdicts.
func (c *Clock) publishLocked(now monotonic.Instant) {
	if c.state == Closed {
		return
	}
	d := c.engine.Discipline()
	if e := d.Epoch(); e != c.epoch {
		c.epoch = e
		c.events.emit(Event{Kind: EventDisruption, Epoch: e, Reason: d.LastDisruption().Reason})
		for _, p := range c.pollers {
			p.forget()
		}
		close(c.rescheduled)
		c.rescheduled = make(chan struct{})
	}
	for _, p := range c.pollers {
		if v := Verdict(c.engine.Verdict(p.index)); v != p.verdict {
			p.verdict = v
			c.events.emit(Event{Kind: EventVerdict, Epoch: c.epoch, Source: p.info.Name, Verdict: v, Err: p.err})
		}
	}
	c.reportLeapSecondsLocked(now)
	a := c.answerLocked(now)
	c.setAnswerLocked(a, State(a.State))
}

// recordLocked adds the lines of a call of the engine that has just been made to the journals that there are.
func (c *Clock) recordLocked(now monotonic.Instant, lines func() []byte) {
	if f := c.flight; f != nil {
		text := lines()
		f.flight.Record(now, text)
		lines = func() []byte { return text }
	}
	if !c.journal.record(lines) {
		c.events.emit(Event{Kind: EventRecorder, Epoch: c.epoch, Err: errRecorderSlow})
	}
}

func (c *Clock) names() (names []string) {
	for _, p := range c.pollers {
		names = append(names, p.info.Name)
	}
	return names
}

// setAnswerLocked makes an answer the one that Now gives.
func (c *Clock) setAnswerLocked(a answer, state State) {
	before := c.published.Swap(&a)
	c.endedLocked(before, &a)
	if state != c.state {
		c.state = state
		c.events.emit(Event{Kind: EventState, Epoch: c.epoch, State: state})
	}
	close(c.changed)
	c.changed = make(chan struct{})
}
