package commitwait

import (
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// What became of a timestamp, as errors of [Until], [Do] and the methods of [Waiter]. Compare with
// errors.Is. Both wrap the reason: the context's error, the clock's, or one of those below.
var (
	// ErrNotPassed: the wait ended before it was over, so the timestamp may lie ahead of true time.
	// From Do it means that the work is done: what it wrote exists, and must not be shown yet. Wait
	// for the timestamp again, or undo the work.
	ErrNotPassed = errors.New("commitwait: the timestamp may not have passed")

	// ErrNotBegun: Do or DoFrom has not called the work. Nothing was promised, and it may be called again.
	ErrNotBegun = errors.New("commitwait: the work has not begun")
)

// Reasons. Compare with errors.Is.
var (
	// ErrWaitTooLong: the wait would be longer than [WithLimit] allows. It is always a
	// [*WaitTooLongError], which has the estimate.
	ErrWaitTooLong = errors.New("commitwait: the wait would be too long")

	// ErrTooFarAhead: a timestamp of a [Sequencer] would lie further ahead of Latest than
	// [WithMaxAhead] allows. Nothing was changed. It ends by itself as time goes on.
	ErrTooFarAhead = errors.New("commitwait: timestamp too far ahead of the clock")

	// ErrClosed: the Waiter has been closed. A clock that has been closed is [truetime.ErrClosed].
	ErrClosed = errors.New("commitwait: waiter closed")

	// ErrNoTimestamp: the timestamp is the zero Time, which stands for no time at all.
	ErrNoTimestamp = errors.New("commitwait: the timestamp is zero")

	// ErrPastTimestamp: the source of timestamps gave one that had certainly passed before it was asked, so
	// that what began earlier may have a later one. The source is wrong, or a clock.
	ErrPastTimestamp = errors.New("commitwait: timestamp of the past")

	// ErrNoSource: the source of timestamps is nil.
	ErrNoSource = errors.New("commitwait: the source of timestamps is nil")

	// ErrNoClock: the clock is nil.
	ErrNoClock = errors.New("commitwait: the clock is nil")

	// ErrNoWork: the work is nil.
	ErrNoWork = errors.New("commitwait: the work is nil")

	// ErrInvalidInterval: the clock answered without an error, but not with an interval. It is
	// treated as if the clock had refused.
	ErrInvalidInterval = errors.New("commitwait: the clock's answer is not an interval")
)

// WaitTooLongError is an [ErrWaitTooLong] with what it would have been.
type WaitTooLongError struct {
	Timestamp truetime.Time
	Estimate  time.Duration // how far Earliest had to go; no longer than that if no disruption comes in between
	Limit     time.Duration
}

// Error says how long the wait would have been and how long it may be.
func (e *WaitTooLongError) Error() string {
	return fmt.Sprintf("%v: %v until %v has certainly passed, and the limit is %v", ErrWaitTooLong, e.Estimate, e.Timestamp, e.Limit)
}

// Unwrap returns ErrWaitTooLong.
func (e *WaitTooLongError) Unwrap() error { return ErrWaitTooLong }

func notPassed(t truetime.Time, reason error) error {
	return fmt.Errorf("%w: %v: %w", ErrNotPassed, t, reason)
}
