package hlc

import (
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Errors of this package. Compare with errors.Is.
var (
	// ErrInvalidTimestamp: zero, negative, or not a timestamp at all; of a remote one also that it is
	// before 1990, as a time in milliseconds would be.
	ErrInvalidTimestamp = errors.New("hlc: invalid timestamp")

	// ErrFromFuture: a remote timestamp is later than it can be if the sender's clock and this one
	// keep their promises. It has not been merged. The error is a [*FutureError].
	ErrFromFuture = errors.New("hlc: timestamp from the future")

	// ErrTooFarAhead: the next timestamp would be further ahead of the interval than [WithMaxAhead]
	// allows. It passes by itself. The error is an [*AheadError] and says how long that takes.
	ErrTooFarAhead = errors.New("hlc: too far ahead of physical time")

	// ErrNotDurable: the next timestamp lies beyond the bound that the [Store] has saved. It passes
	// as soon as the store saves the next bound.
	ErrNotDurable = errors.New("hlc: bound not durable")

	// ErrCorrupt: what a [Store] has saved is torn, was altered, or is not a bound. It does not go
	// away by itself.
	ErrCorrupt = errors.New("hlc: corrupt bound")

	// ErrInUse: another [FileStore] has the file, in this process or another.
	ErrInUse = errors.New("hlc: bound in use")

	// ErrClosed: the clock has been closed.
	ErrClosed = errors.New("hlc: clock closed")
)

// Mistakes of the program or of its clock, on which nobody branches.
var (
	errUnmade          = errors.New("hlc: a Clock is made with New or Open, and a FileStore with OpenFileStore")
	errInvalidInterval = errors.New("hlc: the interval clock's answer is not an interval")
)

// FutureError says whose timestamp was refused and by how much it was wrong. It is an
// [ErrFromFuture].
type FutureError struct {
	Remote    Timestamp
	From      string            // the sender, as the caller named it
	Now       truetime.Interval // when it was received
	Tolerance time.Duration     // how far beyond Now.Latest it could have been
}

// Ahead returns how far the remote timestamp is beyond the latest that the time may be here.
func (e *FutureError) Ahead() time.Duration { return e.Remote.Time().Sub(e.Now.Latest) }

func (e *FutureError) Error() string {
	return fmt.Sprintf("%v: %q sent %v, %v beyond the latest that the time may be here, %v; %v is tolerated: "+
		"the sender's clock or this one is wrong, or the tolerance too small for the sender's uncertainty",
		ErrFromFuture, e.From, e.Remote.Time(), e.Ahead(), e.Now.Latest, e.Tolerance)
}

func (e *FutureError) Unwrap() error { return ErrFromFuture }

// AheadError says how long to wait before another try. It is an [ErrTooFarAhead].
type AheadError struct {
	Last     Timestamp     // what the next timestamp must be after
	Latest   truetime.Time // the latest that the time may be
	MaxAhead time.Duration

	// Wait is when Latest will have come far enough, if it advances as time does. A sample that
	// narrows the interval may hold it back for longer.
	Wait time.Duration
}

func (e *AheadError) Error() string {
	return fmt.Sprintf("%v: the next timestamp must be after %v, "+
		"which is %v beyond the latest that the time may be, %v; %v is allowed: try again in %v",
		ErrTooFarAhead, e.Last.Time(), e.Last.Time().Sub(e.Latest), e.Latest, e.MaxAhead, e.Wait)
}

func (e *AheadError) Unwrap() error { return ErrTooFarAhead }
