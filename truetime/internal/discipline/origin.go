package discipline

import (
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// Each end of the answer is an end of what some source says, and that is one of its facts, carried.
// Which one is noted when the end moves there, because it may have left the source's window by the
// time that somebody asks what the uncertainty is made of. Nothing else follows from it.

// Origin is the fact from which an end of the answer follows.
type Origin struct {
	Source int   // −1 if it is not known
	Fact   Point // as one of a counter with a resolution
	breadth
}

// breadth is how wide the exchange is that a fact is of, and why. The four are not negative, and
// what the exchange alone says, not carried, is as wide as twice the claim, the delay, the pause and the leap
// together.
type breadth struct {
	Claim int64 // E
	Delay int64 // δ
	Pause int64 // what the counter may lose unseen
	Leap  int64 // what conversion to the scale of the discipline has added because a leap second is possible
}

func breadthOf(f Facts) breadth {
	between := saturated.Sub(int64(f.Lower.At), int64(f.Upper.At))
	width := max(saturated.Add(saturated.Sub(f.Upper.Time, f.Lower.Time), between), 0)
	b := breadth{Claim: min(max(f.Claim, 0), width/2)}
	b.Delay = min(max(f.Delay, 0), width-2*b.Claim)
	b.Pause = min(max(f.Pause, 0), width-2*b.Claim-b.Delay)
	b.Leap = width - 2*b.Claim - b.Delay - b.Pause
	return b
}

// Origins returns the facts from which the two ends of the answer follow, if there is one.
func (d *Discipline) Origins() (lower, upper Origin) { return d.lower, d.upper }

// lowerOrigin finds the fact that the lower end of the answer, which has just been moved, follows
// from. It is mostly among the newest that the sources have given.
func (d *Discipline) lowerOrigin(now monotonic.Instant) Origin {
	for older := range windowBuckets {
		for i := range d.sources {
			w := &d.sources[i].window
			if b := d.counted(i) - 1 - older; b >= 0 && d.motion.lowerAt(w.buckets[b].lower, now) == d.fused.Lower.Time {
				return Origin{i, w.buckets[b].lower, w.buckets[b].below}
			}
		}
	}
	return Origin{Source: -1}
}

// upperOrigin finds the fact that the upper end of the answer, which has just been moved, follows
// from.
func (d *Discipline) upperOrigin(now monotonic.Instant) Origin {
	for older := range windowBuckets {
		for i := range d.sources {
			w := &d.sources[i].window
			if b := d.counted(i) - 1 - older; b >= 0 && d.motion.upperAt(w.buckets[b].upper, now) == d.fused.Upper.Time {
				return Origin{i, w.buckets[b].upper, w.buckets[b].above}
			}
		}
	}
	return Origin{Source: -1}
}

// counted is how many buckets of source i count for the answer.
func (d *Discipline) counted(i int) int {
	if !d.Votes(i) || d.sources[i].convicted {
		return 0
	}
	return d.sources[i].window.filled
}
