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
// up to half as much again, by the clock's counter.
//
// An hour of a clock with four sources takes about 0.5 MB if it polls every 16 s, and 4.5 MB if it
// polls every second. A recorder keeps 64 MB at most: beyond that the oldest part is dropped, and less
// than span is left. Every half a span the clock stops for about 0.1 ms to write down its state, and
// for 1 ms with 64 sources. [Clock.Now] does not wait for that.
func NewFlightRecorder(span time.Duration) *FlightRecorder { return &FlightRecorder{span: span} }

// errNotRecorded is returned for a recorder that has nothing to write.
var errNotRecorded = errors.New("truetime: flight recorder: it has recorded nothing: a clock has to be made with it, by WithFlightRecorder")

// WriteTo writes a journal of what the recorder keeps, as text. The function Replay of package
// truetimetest does it all again, and arrives at the same intervals to the nanosecond.
//
// It may be called at any time, and more than once: while the clock runs, which does not wait for w,
// and after it was closed. The error is w's, or says that no clock was made with the recorder.
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

// WithFlightRecorder has f keep the end of the clock's journal in memory. So a program can have the
// last minutes at any time, and write them to a file when an [Event], or a user of the clock, says
// that something is wrong. [WithRecorder] may be given too.
//
// A recorder serves one clock. New refuses one that another clock was made with.
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
