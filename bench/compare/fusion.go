package main

import (
	"math"

	"github.com/epsilontime/epsilon/truetime"
)

// everything is what a source says that has not been heard.
var everything = truetime.Interval{Earliest: math.MinInt64, Latest: math.MaxInt64}

// bounded reports whether both ends are known and the right way round.
func bounded(i truetime.Interval) bool {
	return i.Earliest != everything.Earliest && i.Latest != everything.Latest && i.Earliest <= i.Latest
}

// depth is how many of the intervals cover a moment.
func depth(all []truetime.Interval, t truetime.Time) (n int) {
	for _, i := range all {
		if i.Contains(t) {
			n++
		}
	}
	return n
}

// hull returns the smallest interval with every moment that at least need of the intervals cover. The
// first such moment is the beginning of one of them, and the last is the end of one.
func hull(all []truetime.Interval, need int) (truetime.Interval, bool) {
	h := truetime.Interval{Earliest: math.MaxInt64, Latest: math.MinInt64}
	for _, i := range all {
		if i.Earliest < h.Earliest && depth(all, i.Earliest) >= need {
			h.Earliest = i.Earliest
		}
		if i.Latest > h.Latest && depth(all, i.Latest) >= need {
			h.Latest = i.Latest
		}
	}
	return h, h.Earliest <= h.Latest
}

// fusion makes one interval of many. It reports false if there is none.
type fusion func(all []truetime.Interval) (truetime.Interval, bool)

// majority is M_f: all moments that at least n−f intervals cover, with the largest f that is a minority.
// K. Marzullo, "Tolerating failures of continuous-valued sensors", ACM TOCS 8(4), 1990.
func majority(all []truetime.Interval) (truetime.Interval, bool) {
	h, ok := hull(all, len(all)-(len(all)-1)/2)
	return h, ok && bounded(h)
}

// overlap is the first interval of greatest overlap among those who have been heard, if more than half
// of them cover it. It is what the name "Marzullo's algorithm" usually stands for. K. Marzullo,
// "Maintaining the time in a distributed system", PhD thesis, Stanford 1984.
func overlap(all []truetime.Interval) (truetime.Interval, bool) {
	heard := heardOf(all)
	deepest := deepestOf(heard)
	best := everything
	for _, i := range heard {
		if depth(heard, i.Earliest) == deepest && (best == everything || i.Earliest < best.Earliest) {
			best.Earliest = i.Earliest
		}
	}
	for _, i := range heard {
		if i.Latest >= best.Earliest {
			best.Latest = min(best.Latest, i.Latest)
		}
	}
	return best, 2*deepest > len(heard)
}

// heardOf returns the intervals of the sources that have answered.
func heardOf(all []truetime.Interval) (heard []truetime.Interval) {
	for _, i := range all {
		if bounded(i) {
			heard = append(heard, i)
		}
	}
	return heard
}

// deepestOf is how many of the intervals have a moment in common.
func deepestOf(all []truetime.Interval) (n int) {
	for _, i := range all {
		n = max(n, depth(all, i.Earliest))
	}
	return n
}
