package discipline

import (
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

// Of a source is remembered what it said in the last windowBuckets spans of bucketSpan before its
// last answer, so that a lie told once ages out. Long enough that the best of many exchanges counts: at ρ' = 200 ppm a fact loses its
// worth against a fresh one of a 1 ms round trip within seconds, and against one of 100 ms within
// minutes.
const (
	bucketSpan    = 5 * time.Minute
	windowBuckets = 4
	memory        = windowBuckets * bucketSpan
)

// window is the running intersection of what one source has said: for each bucket of time the best
// upper and the best lower point. By the drift alone all upper lines have the same slope, and so
// have all lower ones, hence which of two points is better does not change with time, and one of each
// is enough. Where the rate is known better, which is better may change, and the one that was so when
// the newer came is kept.
//
// It ages only when a new sample comes in. A silent source keeps its last word, which widens.
type window struct {
	buckets [windowBuckets]bucket // the oldest first
	filled  int
}

// bucket is the best points of one span of time.
type bucket struct {
	from         monotonic.Instant
	upper, lower Point
	above, below breadth // of the exchanges that the upper and the lower point are of
}

// at returns what the window says about true time at c: everything is possible while it is empty.
func (w *window) at(c monotonic.Instant, m *motion) agreement.Interval {
	all := agreement.Everything
	for i := range w.filled {
		b := &w.buckets[i]
		all = all.Intersect(agreement.Interval{Lo: m.lowerAt(b.lower, c), Hi: m.upperAt(b.upper, c)})
	}
	return all
}

// contradicts reports whether f cannot be true together with what the window holds. Each new fact
// is held against the older ones at its own moment: later the drift would have blurred the
// contradiction. The older ones may exclude each other by a drift that is known better by now.
func (w *window) contradicts(f Facts, m *motion) bool {
	sent, received := w.at(f.Upper.At, m), w.at(f.Lower.At, m)
	return sent.Lo > f.Upper.Time || received.Hi < f.Lower.Time || !m.stable && received.Empty()
}

// age drops the buckets that began a whole window before now.
func (w *window) age(now monotonic.Instant) {
	old := 0
	for old < w.filled && now.Sub(w.buckets[old].from) >= memory {
		old++
	}
	w.drop(old)
	if invariants.Enabled {
		for i := range w.filled {
			from := w.buckets[i].from
			invariants.Check(now.Sub(from) < memory, "facts of %v ago are kept", now.Sub(from))
			invariants.Check(i == 0 || !from.Before(w.buckets[i-1].from), "buckets %d and %d are out of order", i-1, i)
		}
	}
}

// insert adds facts that do not contradict the window.
func (w *window) insert(f Facts, m *motion) {
	at := f.Lower.At
	if w.filled == 0 || at.Sub(w.buckets[w.filled-1].from) >= bucketSpan {
		if w.filled == windowBuckets {
			w.drop(1)
		}
		w.buckets[w.filled] = bucket{at, f.Upper, f.Lower, breadthOf(f), breadthOf(f)}
		w.filled++
		return
	}
	newest := &w.buckets[w.filled-1]
	if m.upperAt(newest.upper, f.Upper.At) > f.Upper.Time {
		newest.upper, newest.above = f.Upper, breadthOf(f)
	}
	if m.lowerAt(newest.lower, f.Lower.At) < f.Lower.Time {
		newest.lower, newest.below = f.Lower, breadthOf(f)
	}
}

func (w *window) drop(oldest int) {
	w.filled = copy(w.buckets[:], w.buckets[oldest:w.filled])
	clear(w.buckets[w.filled:])
}
