package commitwait

import (
	"context"
	"fmt"
	"math"

	"github.com/epsilontime/epsilon/internal/plausible"
	"github.com/epsilontime/epsilon/truetime"
)

// Do takes a timestamp, not earlier than Latest, runs work with it on the caller's goroutine, and
// returns the timestamp once the work is done and the timestamp has certainly passed. The two
// overlap: the time that the work takes is not waited for again. What the work writes must not be
// visible to anybody before Do returns nil; then everything that begins later, anywhere, gets a
// later timestamp.
//
// Two calls at once may be given the same timestamp. DoFrom with [Sequencer.Next] has them strictly
// increase.
//
// The error says how things stand:
//   - [ErrNotBegun]: work was not called. Its reason is ctx's error, the clock's, [ErrWaitTooLong],
//     [ErrClosed], a work that is nil, or a clock that contradicts itself.
//   - [ErrNotPassed]: the work is done, and its timestamp, which is returned, may lie ahead:
//     nothing may be shown. Call Until with it to go on waiting. Once the work has begun there is
//     no limit to the wait but ctx.
//   - Any other is the work's own, as it is, and nothing was waited for. If the work can fail and
//     yet leave something behind, its error must tell.
//
// The timestamp is zero unless the work has succeeded. The work gets ctx and should end with it:
// Do returns no earlier than the work.
func (w *Waiter) Do(
	ctx context.Context, work func(ctx context.Context, timestamp truetime.Time) error,
) (truetime.Time, error) {
	return w.DoFrom(ctx, w.latest, work)
}

// latest is where Do takes its timestamps from.
func (w *Waiter) latest() (truetime.Time, error) {
	now, err := read(w.clock)
	return now.Latest, err
}

// DoFrom is [Waiter.Do] with a timestamp from next, which is called once, right before the work:
// for a database that has its own rules for timestamps, such as to be inside a lease and above
// those of prepared participants.
//
//	timestamp, err := waiter.DoFrom(ctx, func() (truetime.Time, error) {
//		return held.TimestampAfter(prepared) // held: a lease.Lease
//	}, write)
//
// [Sequencer.Next], and Timestamp of a lease, can be given as they are.
//
// The order of events rests on next: its timestamps have to be at or after Latest of an interval
// that is read during the call, and so not ones put by before. What can be seen is refused: a
// timestamp that had certainly passed before next was called, and one that is zero or before 1990,
// which is in another unit than nanoseconds. The wait lasts until the timestamp has certainly
// passed, however far above Latest it is; [WithMaxWait] bounds that.
//
// The error says how things stand as that of Do does. With [ErrNotBegun] it wraps the error of
// next, if that was the reason. next is not called, so no timestamp is used up, if the clock
// refuses or ctx or the Waiter has ended.
func (w *Waiter) DoFrom(
	ctx context.Context, next func() (truetime.Time, error), work func(ctx context.Context, timestamp truetime.Time) error,
) (truetime.Time, error) {
	switch {
	case next == nil:
		return 0, notBegun(errNoSource)
	case work == nil:
		return 0, notBegun(errNoWork)
	}
	timestamp, err := w.take(ctx, next)
	if err != nil {
		return 0, notBegun(err)
	}
	if err := work(ctx, timestamp); err != nil {
		return 0, err
	}
	return timestamp, w.until(ctx, timestamp, math.MaxInt64)
}

// take returns a timestamp of next for which the wait is not too long.
func (w *Waiter) take(ctx context.Context, next func() (truetime.Time, error)) (truetime.Time, error) {
	if err := w.ended(ctx); err != nil {
		return 0, err
	}
	before, err := read(w.clock)
	if err != nil {
		return 0, err
	}
	timestamp, err := next()
	if err != nil {
		return 0, err
	}
	if err := plausible.Timestamp(timestamp); err != nil {
		return 0, fmt.Errorf("commitwait: %w", err)
	}
	if before.After(timestamp) {
		return 0, fmt.Errorf("%w: %v, where it was %v already", errPast, timestamp, before.Earliest)
	}
	if tooLong(timestamp, before, w.maxWait) == nil {
		return timestamp, nil
	}
	// next may have taken its time, or this goroutine have lost its processor: only an interval
	// that is read after the timestamp was taken can say how far away that is.
	now, err := read(w.clock)
	if err == nil {
		err = tooLong(timestamp, now, w.maxWait)
	}
	return timestamp, err
}
