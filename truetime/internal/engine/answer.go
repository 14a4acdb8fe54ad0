package engine

import (
	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// Answer is what a clock publishes: everything that is needed to answer until the next one, or to refuse. It
// does not change.
type Answer struct {
	Err   error // why there is no answer, or nil
	State State
	Epoch uint64
	From  monotonic.Instant // the counter when it was made

	// Ahead is the bounds in smeared UTC over raw readings of the counter, from then on. It covers no
	// reading at which there is more to smeared UTC than a constant offset from the engine's scale: Late
	// has to be asked then.
	Ahead line.Pair

	maxWidth uint64 // of what At and TAI return, in nanoseconds

	exact   line.Pair   // in the engine's scale
	smeared bool        // which is smeared UTC
	output  leap.Output // from it to smeared UTC, if it is not
	certain leap.TAI    // up to when TAI is known
	table   *leap.Table
}

// Answer makes what is to be published now, when the counter's raw reading is raw. Every Answer of an epoch must be
// published, because the next one takes care that Earliest does not go back from it.
func (e *Engine) Answer(now monotonic.Instant, raw uint64, meter line.Meter) Answer {
	a := Answer{State: e.State(), Epoch: e.discipline.Epoch(), From: now, maxWidth: e.maxWidth}
	if a.Err = e.refusal(a.State); a.Err != nil {
		return a
	}
	bounds, _ := e.discipline.Bounds()
	var before *line.Pair
	if e.answered == a.Epoch {
		before = &e.published
	}
	var ok bool
	if a.exact, ok = bounds.Ahead(now, raw, meter, before); !ok {
		a.State, a.Err = Unsynchronized, ErrNotSynchronized
		return a
	}
	e.published, e.answered = a.exact, a.Epoch
	e.scales.show(&a, raw)
	return a
}

// Closed is what a clock publishes that has been closed.
func Closed() Answer { return Answer{Err: ErrClosed} }

// show prepares the way from the engine's scale to that of the answers.
func (s *scales) show(a *Answer, raw uint64) {
	a.smeared, a.table = s.smeared, s.table
	if s.smeared {
		a.Ahead = a.exact
		return
	}
	lo, hi := a.exact.At(raw)
	a.output = s.belief.Output(leap.TAI(lo))
	a.certain = s.belief.Certain()
	if a.output.From > leap.TAI(lo) || leap.TAI(hi) > a.output.Until {
		a.Ahead = line.Nowhere(raw)
		return
	}
	a.Ahead = a.exact.Shifted(a.output.Offset, int64(a.output.Until))
}

// Late evaluates the answer in smeared UTC at any reading, however wide it is by then. It reports false where it
// cannot.
func (a *Answer) Late(raw uint64) (earliest, latest int64, ok bool) {
	shown, _, ok := a.evaluate(raw)
	return shown.Lo, shown.Hi, ok
}

// evaluate evaluates the answer in smeared UTC and in the engine's scale.
func (a *Answer) evaluate(raw uint64) (shown, counted agreement.Interval, ok bool) {
	if a.Err != nil {
		return shown, counted, false
	}
	counted.Lo, counted.Hi, ok = a.exact.Late(raw)
	if !ok || a.smeared {
		return counted, counted, ok
	}
	first, last, ok := a.output.Interval(leap.TAI(counted.Lo), leap.TAI(counted.Hi))
	return agreement.Interval{Lo: int64(first), Hi: int64(last)}, counted, ok
}
