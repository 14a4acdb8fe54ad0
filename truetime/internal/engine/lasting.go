package engine

import (
	"math"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/published"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// smearFraction is smearRate in units of 2⁻⁶⁴, rounded up.
const smearFraction = 1158*(1<<64)/100_000_000 + 1

// Lasting returns lines that hold for ever, for a reader that may never get another answer. It reports
// false if there is no answer.
//
// # Why they hold
//
// The answer's own lines in TAI hold for ever by the drift alone. Smeared UTC rises against TAI by
// 86400/86401 at least and by 86400/86399 at most, whatever leap seconds come. So what encloses it
// at one reading encloses it for ever if both slopes are bent outward by that.
//
// As long as no leap second can be near, smeared UTC is TAI less a constant, and the slopes need not be
// bent: [line.Pair.Shifted] says up to where that is certain, and there they bend. While one is being
// smeared, or may be, the lines begin with what [Answer.Late] says and are bent from there on.
//
// Where the engine counts in smeared UTC its drift allows for any smear. TAI runs within it as well, since the
// drift of the counter itself does: so what encloses TAI at one reading encloses it for ever.
func (a *Answer) Lasting() (l published.Lines, ok bool) {
	if a.Err != nil {
		return published.Lines{}, false
	}
	raw := a.exact.From
	l.MaxWidth = a.maxWidth
	switch {
	case a.smeared:
		l.Shown = a.exact.Lasting(0)
	case a.Ahead.Covers(raw):
		l.Shown = a.Ahead.Lasting(smearFraction)
	default:
		first, last, ok := a.Late(raw)
		if !ok {
			return published.Lines{}, false
		}
		l.Shown = a.exact.Anchored(first, last+1).Widened(smearFraction).Lasting(0)
	}
	l.TAI, l.TAIUntil, l.TAIKnown = a.lastingTAI(raw)
	return l, true
}

func (a *Answer) lastingTAI(raw uint64) (tai line.Pair, until int64, known bool) {
	lo, hi := a.exact.At(raw)
	if !a.smeared {
		return a.exact.Lasting(0), int64(a.certain), hi <= int64(a.certain)
	}
	first := a.table.FromSmeared(leap.Smeared(lo), leap.Down)
	last := a.table.FromSmeared(leap.Smeared(hi), leap.Up)
	return a.exact.Anchored(int64(first), int64(last)+1).Lasting(0), math.MaxInt64, leap.Smeared(hi) <= a.table.Certain()
}
