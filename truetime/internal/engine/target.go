package engine

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// target finds the interval between polls at which ε stays at or below what is wanted, and no
// shorter one.
//
// Between samples ε grows at the rate g that the published slopes have, and a sample brings it back to
// what delays and claims leave: so just before a sample it is at its highest, at about b + g·k·I,
// with an interval I, a base b, and a k between 0 and 1 that depends on how the polls of several
// sources interleave. Each round of samples the interval is corrected by (wanted − highest)/g.
// Whatever b and k are, each correction takes away the part k of the error. Delays vary, and so does
// how polls interleave: so the aim is somewhat below what is wanted, and intervals are
// lengthened with more care than they are shortened.
type target struct {
	wanted   time.Duration // 0 if nothing is wanted
	interval time.Duration
	min, max time.Duration
	highest  time.Duration // of ε since the last correction
	samples  int           // since then
}

const (
	maxStep         = 2   // the largest factor by which one correction changes the interval
	aimedShare      = 0.9 // of what is wanted
	lengthenDivisor = 8   // what a correction that lengthens the interval is divided by
)

// observe takes note of ε just before a sample is taken in.
func (t *target) observe(epsilon time.Duration) {
	t.highest = max(t.highest, epsilon)
	t.samples++
}

// correct corrects the interval after a round of samples. growth is by how much ε grows per unit of time.
func (t *target) correct(growth float64) {
	if growth > 0 {
		longer := (aimedShare*float64(t.wanted) - float64(t.highest)) / growth
		if longer > 0 {
			longer /= lengthenDivisor
		}
		least, most := float64(t.interval)/maxStep, float64(t.interval)*maxStep
		t.interval = time.Duration(min(max(float64(t.interval)+longer, least, float64(t.min)), most, float64(t.max)))
	}
	t.highest, t.samples = 0, 0
}

// steer has the sources polled as often as the wanted uncertainty takes. It is called with an answer
// that is about to be used.
func (e *Engine) steer(now monotonic.Instant) {
	t := &e.target
	bounds, answered := e.discipline.Bounds()
	if t.wanted == 0 || !answered {
		return
	}
	i := bounds.At(now)
	t.observe(time.Duration(uint64(i.Hi-i.Lo) / 2))
	answering := 0
	for i := range e.sources {
		if e.discipline.Votes(i) && e.sources[i].answersLately() {
			answering++
		}
	}
	if t.samples < answering {
		return
	}
	low, high := e.discipline.Slopes()
	t.correct((high - low) / 2)
	for i := range e.sources {
		e.sources[i].schedule.Adapt(t.interval)
	}
}
