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
	buckets [windowBuckets]Facts // the oldest first
	from    [windowBuckets]monotonic.Instant
	upper   [windowBuckets]breadth // of which each bucket's upper point is
	lower   [windowBuckets]breadth // and its lower one
	filled  int
}

// at returns what the window says about true time at c: everything is possible while it is empty.
func (w *window) at(c monotonic.Instant, m *motion) agreement.Interval {
	all := agreement.Everything
	for _, b := range w.buckets[:w.filled] {
		all = all.Intersect(m.at(b, c))
	}
	return all
}

// contradicts reports whether f cannot be true together with what the window holds. Each new fact
// is held against the older ones at its own moment: later the drift would have blurred the
// contradiction.
func (w *window) contradicts(f Facts, m *motion) bool {
	return w.at(f.Upper.At, m).Lo > f.Upper.Time || w.at(f.Lower.At, m).Hi < f.Lower.Time
}

// age drops the buckets that began a whole window before now.
func (w *window) age(now monotonic.Instant) {
	old := 0
	for old < w.filled && now.Sub(w.from[old]) >= memory {
		old++
	}
	w.drop(old)
	if invariants.Enabled {
		for i := range w.filled {
			invariants.Check(now.Sub(w.from[i]) < memory, "facts of %v ago are kept", now.Sub(w.from[i]))
			invariants.Check(i == 0 || !w.from[i].Before(w.from[i-1]), "buckets %d and %d are out of order", i-1, i)
		}
	}
}

// insert adds facts that do not contradict the window.
func (w *window) insert(f Facts, m *motion) {
	at := f.Lower.At
	if w.filled == 0 || at.Sub(w.from[w.filled-1]) >= bucketSpan {
		if w.filled == windowBuckets {
			w.drop(1)
		}
		w.buckets[w.filled], w.from[w.filled] = f, at
		w.upper[w.filled], w.lower[w.filled] = breadthOf(f), breadthOf(f)
		w.filled++
		return
	}
	last := w.filled - 1
	newest := &w.buckets[last]
	if m.upperAt(newest.Upper, f.Upper.At) > f.Upper.Time {
		newest.Upper, w.upper[last] = f.Upper, breadthOf(f)
	}
	if m.lowerAt(newest.Lower, f.Lower.At) < f.Lower.Time {
		newest.Lower, w.lower[last] = f.Lower, breadthOf(f)
	}
}

func (w *window) drop(oldest int) {
	copy(w.buckets[:], w.buckets[oldest:w.filled])
	copy(w.from[:], w.from[oldest:w.filled])
	copy(w.upper[:], w.upper[oldest:w.filled])
	copy(w.lower[:], w.lower[oldest:w.filled])
	w.filled -= oldest
}
