package engine

import (
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
)

// Answer is what a clock publishes: everything that is needed to answer until the next one. It does
// not change.
type Answer struct {
	State State
	Epoch uint64
	From  monotonic.Instant // the counter when it was made
	Ahead discipline.Ahead  // the bounds over raw readings of the counter, from then on
}

// Answer makes what is to be published now, when the counter's raw reading is raw. It is false where
// there is nothing to answer with. Every Answer of an epoch must be published, because the next one
// takes care that Earliest does not go back from it.
func (e *Engine) Answer(now monotonic.Instant, raw uint64, meter discipline.Meter) (Answer, bool) {
	a := Answer{State: e.State(), Epoch: e.discipline.Epoch(), From: now}
	if a.State != Synchronized && a.State != Holdover {
		return a, false
	}
	bounds, _ := e.discipline.Bounds()
	var before *discipline.Ahead
	if e.answered == a.Epoch {
		before = &e.published
	}
	var ok bool
	if a.Ahead, ok = bounds.Ahead(now, raw, meter, before); !ok {
		a.State = Unsynchronized
		return a, false
	}
	e.published, e.answered = a.Ahead, a.Epoch
	return a, true
}
