package commitwait

import (
	"context"
	"fmt"
	"math"

	"github.com/epsilontime/epsilon/truetime"
)

// DoFrom is [Waiter.Do] with a timestamp from next, which is called once, right before the work: for a database
// that has its own rules for timestamps, such as to be inside a lease and above those of prepared
// participants.
//
//	timestamp, err := waiter.DoFrom(ctx, func() (truetime.Time, error) {
//		return held.TimestampAfter(prepared) // held: a lease.Lease
//	}, write)
//
// [Sequencer.Next], and Timestamp of a lease, can be given as they are. [WithSequencer] plays no part.
//
// The order of events rests on next: its timestamps have to be at or after Latest of an interval that is read
// during the call, and so not ones put by before. What can be seen is refused: a timestamp that had certainly
// passed before next was called is [ErrPastTimestamp]. The wait lasts until the timestamp has certainly passed,
// however far above Latest it is; [WithLimit] bounds that.
//
// The error says how things stand as that of Do does. Before the work, that is with [ErrNotBegun], it
// wraps the error of next if that was it, [ErrPastTimestamp], [ErrNoTimestamp] for the zero Time, or a reason
// that Do has. next is not called, so no timestamp is used up, if the clock refuses or ctx or the Waiter has
// ended.
func (w *Waiter) DoFrom(ctx context.Context, next func() (truetime.Time, error), work func(ctx context.Context, timestamp truetime.Time) error) (truetime.Time, error) {
	switch {
	case next == nil:
		return 0, notBegun(ErrNoSource)
	case work == nil:
		return 0, notBegun(ErrNoWork)
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
	switch {
	case err != nil:
		return 0, err
	case timestamp.IsZero():
		return 0, ErrNoTimestamp
	case before.After(timestamp):
		return 0, fmt.Errorf("%w: %v, where it was %v already", ErrPastTimestamp, timestamp, before.Earliest)
	}
	return timestamp, tooLong(timestamp, before, w.limit)
}
