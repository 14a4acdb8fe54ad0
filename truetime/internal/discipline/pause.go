package discipline

import (
	"fmt"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// A virtual machine that is migrated, or restored from a snapshot, may find that its counter has stood still and that
// nothing else shows it: all that it could compare the counter with has stood still as well. If
// the counter is assumed to lose no more than d between a sample and any answer that rests on it (A6), d is added to every upper fact.
//
// # Why that is right
//
// Let c be a later reading, and the counter have lost l in between: 0 ≤ l ≤ d, and no time is lost by a counter that is
// read within its drift. Then true time at c is what the counter counted, times a rate within the drift, and l. So
//
//	T(c) ≤ U + (c−c1)(1+ρ') + l ≤ (U + d) + (c−c1)(1+ρ')
//	T(c) ≥ L + (c−c4)(1−ρ') + l ≥ L + (c−c4)(1−ρ')
//
// The facts so made are those of a counter that loses nothing, and all else follows from them as it does
// otherwise: what a source's facts exclude, what voters agree on, and bounds of the rate. A mean rate from below is that of an upper fact and
// a later lower one: the first is d late, the second gains no more. A lower fact is never carried backwards beyond the upper one of its exchange.

// allowing returns facts that hold although the counter may lose as much as pause later on.
func allowing(f Facts, pause int64) Facts {
	f.Upper.Time = saturated.Add(f.Upper.Time, pause)
	f.Pause = pause
	return f
}

// gains returns by how much the source of this window has gained on the counter at least, if that is more than the
// drift explains and the facts are right: by how much f begins after the window, without what it allows for, ends.
func (w *window) gains(f Facts, m *motion) int64 {
	if f.Pause == 0 {
		return 0 // a conviction, or nothing
	}
	before := w.at(f.Lower.At, m)
	if before == agreement.Everything || before.Empty() {
		return 0
	}
	return max(saturated.Sub(f.Lower.Time, saturated.Sub(before.Hi, f.Pause)), 0)
}

// gain is by how much a source has gained on the counter, and when that was seen.
type gain struct {
	most int64
	at   monotonic.Instant
}

func (g *gain) note(gained int64, at monotonic.Instant) {
	if gained > 0 {
		*g = gain{max(gained, g.since(at)), at}
	}
}

// since is what was seen within memory before now: a server whose clock was corrected last week says nothing about the counter.
func (g *gain) since(now monotonic.Instant) int64 {
	if g.most == 0 || now.Sub(g.at) >= memory {
		return 0
	}
	return g.most
}

// stoodStill ends the epoch if more than f voters have gained on the counter: one of them at least is right, so the counter has
// lost that much. The answer allows for it, but what it may lose from now on is counted from facts that
// are taken from now on. It is no reason to doubt the counter's rate, however often it happens: it is what is assumed.
func (d *Discipline) stoodStill(now monotonic.Instant) bool {
	if d.pause == 0 {
		return false
	}
	gained := func(i int) bool { return d.sources[i].gained.since(now) > 0 }
	voters := d.Count(gained)
	if voters <= d.faulty {
		return false
	}
	var least []int64
	for i := range d.sources {
		if d.Votes(i) && gained(i) {
			least = append(least, d.sources[i].gained.most)
		}
	}
	d.Disrupt(now, Contradiction, fmt.Sprintf("%d voters have gained %v or more on the counter: it stood still for as long, or runs outside its drift",
		voters, time.Duration(slices.Min(least)).Round(time.Microsecond)))
	return true
}
