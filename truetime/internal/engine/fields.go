package engine

import (
	"fmt"
	"math"

	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

// Fields lists the state of the engine. It is read by an engine that has just been made, with the
// same configuration and the same leap second table ([Engine.Table]), which then goes on to the same conclusions. The last Answer
// is not of it: it has a part in the next Answer, and in nothing that the engine concludes.
func (e *Engine) Fields(l *snapshot.Lines) {
	t := &e.target
	l.Line("engine", "looked began interval highest samples leap-epoch leap-began",
		&e.looked, &e.began, &t.interval, &t.highest, &t.samples, &e.scales.epoch, &e.scales.began)
	l.Require(t.interval >= t.min && t.interval <= t.max && t.highest >= 0 && t.samples >= 0 && t.samples <= math.MaxInt/2,
		"the interval between polls is %v, after %d samples", t.interval, t.samples)
	for i := range e.sources {
		s := &e.sources[i]
		l.Line(fmt.Sprint("source ", i), "due reach outcome peer denied side suspicion suspected",
			&s.due, &s.reach, &s.outcome, &s.peer, &s.denied, &s.side, &s.suspicion, &s.suspected)
		s.schedule.Fields(l, i)
	}
	e.discipline.Fields(l)
	if b := e.scales.belief; b != nil {
		b.Fields(l)
	}
}
