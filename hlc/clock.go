package hlc

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/internal/plausible"
	"github.com/epsilontime/epsilon/truetime"
)

// Clock is a hybrid logical clock. All methods are safe for use by many goroutines. What they
// return is linearizable: of two calls of which one returns before the other begins, the later one
// gets the greater timestamp, and no timestamp is returned twice.
//
// For that all calls meet in one word of memory. Processors that call at once pass it around, which
// takes longer than the call itself: together they get no more timestamps a second than one alone.
type Clock struct {
	intervals truetime.Reader
	physical  PhysicalTime
	tolerance time.Duration
	maxAhead  time.Duration

	// Of the numbers those with these low bits are the clock's own: all, unless it is one of shards.
	mask, shard Timestamp

	// durable is the greatest timestamp that may be returned; only a clock with a store has one.
	// It changes about once a second, so it has no cache line in common with last, which changes
	// with every call.
	durable     atomic.Int64
	reservation *reservation // nil without a store

	_    cpu.CacheLinePad
	last atomic.Int64 // the greatest timestamp returned or merged, or closed
	_    cpu.CacheLinePad

	closing  sync.Once
	closeErr error
}

// Why one word
//
// A word for each processor, and another, mostly read, for what runs ahead of physical time, would
// not have to be passed around. But then nothing would order two calls on two processors, of which
// one begins after the other has returned, except physical time itself.
//
// It does not do that. No two processors may issue the same number, so each of n has numbers of its
// own, and physical time would have to advance by n nanoseconds between any two such calls. Of the
// counters of two processors it is known at best that a later reading is not smaller; the kernel
// looks for an exception for a few milliseconds when a processor starts
// (arch/x86/kernel/tsc_sync.c). Other counters stand still for longer than a call takes. And the
// moment of the interval that is physical time goes back whenever a sample narrows the interval, of
// which the interval clock says nothing.
//
// Where only messages have to order two calls, each processor can have a clock: see [NewShards].

// closed is what last is once the clock has been closed. Nothing is ever added to it.
const closed = math.MinInt64

// New makes a clock on top of an interval clock, which it does not close. All mistakes in the options are
// reported together.
//
// Nothing is remembered beyond the life of the clock: after a restart timestamps may repeat what
// was issued before. Use [Open] if that matters.
func New(clock truetime.Reader, options ...Option) (*Clock, error) {
	clocks, err := NewShards(clock, 1, options...)
	if err != nil {
		return nil, err
	}
	return clocks[0], nil
}

// Now returns a timestamp for a local event, or for a message about to be sent: greater than all
// before it, and not before physical time. It takes no lock, does not wait, and allocates nothing.
//
// The error is [ErrTooFarAhead], [ErrNotDurable] or [ErrClosed], or wraps that of the interval
// clock if it has no answer.
func (c *Clock) Now() (Timestamp, error) { return c.tick(0, 0, "") }

// Update merges the timestamp of a message and returns one for the event of its reception, which is
// greater than the remote one and all before it on this clock. It costs what Now costs.
//
// A timestamp that is provably from the future, beyond Latest by more than the tolerance, is
// refused with a [*FutureError] that names the sender, from. One that is zero, so that none was
// sent, or before 1990, so that it is in another unit than nanoseconds, is an
// [ErrInvalidTimestamp]. Other errors are those of Now. After an error nothing has changed.
func (c *Clock) Update(remote Timestamp, from string) (Timestamp, error) {
	return c.update(remote, c.tolerance, from)
}

// UpdateWithin is Update for a sender that declares how far its timestamp may be ahead of true
// time: the timestamp minus the Earliest that it was read with, which is at most 2ε for one that is
// not ahead of its interval. A timestamp beyond Latest by more than that is a contradiction and
// refused. The declaration can only narrow the tolerance, and counts as 0 if it is below.
func (c *Clock) UpdateWithin(remote Timestamp, ahead time.Duration, from string) (Timestamp, error) {
	return c.update(remote, min(max(ahead, 0), c.tolerance), from)
}

func (c *Clock) update(remote Timestamp, tolerance time.Duration, from string) (Timestamp, error) {
	if remote.Time() < plausible.Oldest {
		return 0, invalidFrom(remote, from)
	}
	return c.tick(remote, tolerance, from)
}

// Observe merges the timestamp of something that was only read, without an event of its own: all
// timestamps after it are greater than the remote one. It does not read the interval clock if the
// remote timestamp is not ahead of this clock. Errors are as for Update.
func (c *Clock) Observe(remote Timestamp, from string) error {
	if remote.Time() < plausible.Oldest {
		return invalidFrom(remote, from)
	}
	if c.last.Load() >= int64(remote) {
		return nil
	}
	now, err := c.read()
	if err != nil {
		return c.unlessClosed(err)
	}
	if remote.Time() > now.Latest.Add(c.tolerance) {
		return &FutureError{Remote: remote, From: from, Now: now, Tolerance: c.tolerance}
	}
	for { // a failed swap means that another call has got through
		last := c.last.Load()
		switch {
		case last == closed:
			return ErrClosed
		case last >= int64(remote):
			return nil
		case int64(remote) > c.durable.Load():
			return c.notDurable(remote)
		}
		if c.last.CompareAndSwap(last, int64(remote)) {
			return nil
		}
	}
}

// Last returns the greatest timestamp returned or merged so far, without an event: zero if there is
// none, or if the clock has been closed.
func (c *Clock) Last() Timestamp { return Timestamp(max(c.last.Load(), 0)) }

// tick returns max(last+1, remote+1, pt), or the first after it that is the clock's own, and makes
// it the last.
//
// The interval may be old by the time that last is looked at: a processor that was lost in between
// finds there what others were given since, which is not ahead of anything but the old interval. So
// an interval may allow a timestamp whenever it was read, and forbid one only if it was read after
// last. To read it second every time would be simpler, but slower: last would be held for as long
// as that takes.
//
// A remote timestamp that is not zero may be beyond the interval by the tolerance.
func (c *Clock) tick(remote Timestamp, tolerance time.Duration, from string) (Timestamp, error) {
	if c.intervals == nil {
		return 0, errUnmade
	}
	now, err := c.intervals.Now() // not by read, a call of its own that would be 6 to 8 % more
	if err != nil || !c.usable(now) {
		return 0, c.unlessClosed(noInterval(now, err))
	}
	if remote != 0 && remote.Time() > now.Latest.Add(tolerance) {
		return 0, &FutureError{Remote: remote, From: from, Now: now, Tolerance: tolerance}
	}
	for { // a failed swap means that another call has got through
		last := c.last.Load()
		if last == closed {
			return 0, ErrClosed
		}
		before := max(Timestamp(last), remote)
		if before >= c.ceiling(now) {
			if now, err = c.read(); err != nil {
				return 0, c.unlessClosed(err)
			}
			if before >= c.ceiling(now) { // which also keeps the next from overflowing
				return 0, c.tooFarAhead(before, now)
			}
		}
		next := c.own(max(before+1, c.physical.of(now)))
		if int64(next) > c.durable.Load() {
			return 0, c.notDurable(next)
		}
		if c.last.CompareAndSwap(last, int64(next)) {
			if invariants.Enabled {
				c.assert(next, before, now)
			}
			return next, nil
		}
	}
}

// assert checks what was issued.
func (c *Clock) assert(next, before Timestamp, now truetime.Interval) {
	wrong := ""
	switch {
	case next <= before:
		wrong = "not after what was before it"
	case next&c.mask != c.shard:
		wrong = "another shard's"
	case next < c.physical.of(now):
		wrong = "before physical time"
	case next > c.ceiling(now)+c.mask:
		wrong = "too far ahead of the interval"
	case int64(next) > c.durable.Load():
		wrong = "beyond what the store has saved"
	default:
		return
	}
	invariants.Check(false, "hlc: %d, after %d at %v, is %s", next, before, now, wrong)
}

// ceiling is where the next timestamp could be too far ahead of the interval.
func (c *Clock) ceiling(now truetime.Interval) Timestamp {
	return Timestamp(now.Latest.Add(c.maxAhead)) - c.mask
}

// read returns the interval of this moment.
func (c *Clock) read() (truetime.Interval, error) {
	if c.intervals == nil {
		return truetime.Interval{}, errUnmade
	}
	now, err := c.intervals.Now()
	if err != nil || !c.usable(now) {
		return truetime.Interval{}, noInterval(now, err)
	}
	return now, nil
}

// usable reports whether it is an interval, and one after which a shard's own number is no overflow.
func (c *Clock) usable(now truetime.Interval) bool {
	return now.Valid() && Timestamp(now.Latest) <= math.MaxInt64-c.mask
}

// noInterval says why an answer of the interval clock is of no use.
func noInterval(now truetime.Interval, err error) error {
	if err != nil {
		return fmt.Errorf("hlc: no interval to go by: %w", err)
	}
	return fmt.Errorf("%w: from %v to %v", errInvalidInterval, now.Earliest, now.Latest)
}

// unlessClosed returns err, or ErrClosed if the clock has been closed: its interval clock often is too.
func (c *Clock) unlessClosed(err error) error {
	if c.last.Load() == closed {
		return ErrClosed
	}
	return err
}

func (c *Clock) tooFarAhead(before Timestamp, now truetime.Interval) error {
	wait := before.Time().Sub(c.ceiling(now).Time())
	if wait < math.MaxInt64 {
		wait++ // the next one must fit below the ceiling
	}
	return &AheadError{Last: before, Latest: now.Latest, MaxAhead: c.maxAhead, Wait: wait}
}

// invalidFrom says what is wrong with a remote timestamp below [plausible.Oldest].
func invalidFrom(remote Timestamp, from string) error {
	return fmt.Errorf("%w from %q: %w", ErrInvalidTimestamp, from, plausible.Timestamp(remote.Time()))
}
