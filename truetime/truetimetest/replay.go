package truetimetest

import (
	"io"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

// ErrDiverged is wrapped by the error of [Replay] when the same input has led to another interval.
var ErrDiverged = journal.ErrDiverged

// ReplayStep is one thing that a recorded clock was told, and what it concluded. Now answered with lines made
// of Interval, which differ from it by roundings of a few nanoseconds, and where the counter's stability is
// assumed by what it takes for them to be straight and for Earliest never to go back.
type ReplayStep struct {
	Line     int    // in the journal
	Text     string // of that line
	Counter  monotonic.Instant
	State    truetime.State
	Epoch    uint64
	Interval truetime.Interval // the zero value where there was no answer
}

// Replay does again what a clock did that had a journal written by [truetime.WithRecorder], or by a
// [truetime.FlightRecorder] from the moment on at which that begins, and calls
// visit, if it is not nil, after every step. It returns an error that wraps [ErrDiverged] and names the
// line if it does not arrive at the recorded interval, to the nanosecond; or one that says which line cannot be
// understood; or visit's. A last line that was cut off is left out.
func Replay(r io.Reader, visit func(ReplayStep) error) error {
	return journal.Replay(r, func(s journal.Step) error {
		if visit == nil {
			return nil
		}
		d := s.Engine.Discipline()
		step := ReplayStep{Line: s.Line, Text: s.Text, Counter: s.Now, State: truetime.State(s.Engine.State()), Epoch: d.Epoch()}
		if bounds, ok := d.Bounds(); ok {
			lo, hi := s.Engine.Shown(bounds.At(s.Now))
			step.Interval = truetime.Interval{Earliest: truetime.Time(lo), Latest: truetime.Time(hi)}
		}
		return visit(step)
	})
}
