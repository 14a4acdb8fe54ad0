package truetime

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

// FlightRecorder keeps the end of a clock's journal in memory, to be written out when something has
// gone wrong: see [WithFlightRecorder].
type FlightRecorder struct {
	span    time.Duration
	claimed atomic.Bool // by a clock
	flight  journal.Flight
}

// NewFlightRecorder returns a recorder that keeps at least the last span, which must be above 0, and
// up to twice as much.
//
// A clock with four sources that polls every 16 s takes about 0.5 MB an hour, and 16 MB if it polls
// every second. There are 64 MB at most: beyond that the oldest part is dropped, and what is left is shorter than span.
// The state of the clock is written down every half a span, which takes it some 10 µs for each source.
func NewFlightRecorder(span time.Duration) *FlightRecorder { return &FlightRecorder{span: span} }

// errNotRecorded is returned for a recorder that has nothing to write.
var errNotRecorded = errors.New("truetime: flight recorder: it has recorded nothing: a clock has to be made with it, by WithFlightRecorder")

// WriteTo writes a journal of what the recorder keeps, as text. The function Replay of package
// truetimetest does it all again, and arrives at the same intervals to the nanosecond.
//
// It may be called at any time, also while the clock runs, which does not wait for w, and after it was closed.
// The error is w's, or says that no clock was made with the recorder.
func (f *FlightRecorder) WriteTo(w io.Writer) (int64, error) {
	if f == nil || !f.claimed.Load() {
		return 0, errNotRecorded
	}
	n, err := f.flight.WriteTo(w)
	switch {
	case errors.Is(err, journal.ErrNotBegun): // New is about to begin
		return n, errNotRecorded
	case err != nil:
		return n, fmt.Errorf("truetime: flight recorder: %w", err)
	}
	return n, nil
}

// WithFlightRecorder has the end of the clock's journal kept by f, in memory. What is kept is what [WithRecorder]
// writes, which may be given too: a program can keep the last minutes at all times, and write them
// when an event, or whoever uses the clock, says that something is wrong.
//
// A recorder serves one clock, once.
func WithFlightRecorder(f *FlightRecorder) Option {
	return func(c *config) {
		switch {
		case f == nil:
			c.mistake("flight recorder is nil")
		case f.span <= 0:
			c.mistake("flight recorder of %v: it must keep more than 0", f.span)
		default:
			c.flight = f
		}
	}
}

// claimFlightRecorder makes the flight recorder this clock's, unless there are mistakes.
func (c *config) claimFlightRecorder() {
	f := c.flight
	if f != nil && (f.claimed.Load() || len(c.mistakes) == 0 && !f.claimed.CompareAndSwap(false, true)) {
		c.mistake("flight recorder: it is another clock's, and a recorder serves one clock: make another")
	}
}
