package commitwait

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// What became of a timestamp, as errors of [Until], [Do] and the methods of [Waiter]. Compare with
// errors.Is. Both wrap the reason: the context's error, the clock's, or one of those below.
var (
	// ErrNotPassed: the wait ended before it was over, so the timestamp may lie ahead of true time.
	// From Do it means that the work is done: what it wrote exists, and must not be shown yet. Wait
	// for the timestamp again, or undo the work.
	ErrNotPassed = errors.New("commitwait: the timestamp may not have passed")

	// ErrNotBegun: Do or DoFrom has not called the work. Nothing was promised, and it may be called
	// again.
	ErrNotBegun = errors.New("commitwait: the work has not begun")
)

// Reasons. Compare with errors.Is.
var (
	// ErrWaitTooLong: the wait would be longer than [WithMaxWait] allows.
	ErrWaitTooLong = errors.New("commitwait: the wait would be too long")

	// ErrTooFarAhead: a timestamp of a [Sequencer] would lie further ahead of Latest than
	// [WithMaxAhead] allows. Nothing was changed. It ends by itself as time goes on.
	ErrTooFarAhead = errors.New("commitwait: timestamp too far ahead of the clock")

	// ErrClosed: the Waiter has been closed. A clock that has been closed is [truetime.ErrClosed].
	ErrClosed = errors.New("commitwait: waiter closed")
)

// Mistakes of the program, on which nobody branches.
var (
	errUnmade          = errors.New("commitwait: a Waiter is made with NewWaiter, and a Sequencer with NewSequencer")
	errNoSource        = errors.New("commitwait: the source of timestamps is nil")
	errNoWork          = errors.New("commitwait: the work is nil")
	errPast            = errors.New("commitwait: timestamp of the past: its source or a clock is wrong")
	errPromised        = errors.New("commitwait: timestamp of a writer not after the floor that was raised: take it where raise of the SafeTime raises, such as Next of the same Sequencer")
	errInvalidInterval = errors.New("commitwait: the clock's answer is not an interval")
)

func notPassed(t truetime.Time, reason error) error {
	return fmt.Errorf("%w: %v: %w", ErrNotPassed, t, reason)
}

func notBegun(reason error) error { return fmt.Errorf("%w: %w", ErrNotBegun, reason) }
