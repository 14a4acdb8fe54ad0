package rate

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// shortest are the windows that show the fastest changes. What happens once a minute, as cron does, evens out in windows
// of a minute; of a sine these show two fifths.
const shortest = 30 * time.Second

// lengths are those of the windows, up to a day, after which temperatures come back.
var lengths = []time.Duration{shortest, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// Windows is what all windows of about one length prove. Rates are means over a window, in ppm by which the
// counter ran fast: negative if it ran slow.
type Windows struct {
	Length  time.Duration
	Count   int           // they overlap: each begins an eighth of Length after the one before
	Covered time.Duration // by any of them

	// The mean rate of each window was between these two.
	LowPPM, HighPPM float64

	// One window's was certainly this or more, and one's this or less.
	FastestPPM, SlowestPPM float64

	// Each window's is known to within ± this.
	KnownToPPM float64
}

// Wander is what all pairs of windows of one length, side by side, prove about how fast the rate changes.
type Wander struct {
	Length  time.Duration // of each of the two
	Count   int           // they overlap, as windows do
	Covered time.Duration // by any of them

	LeastPPB float64 // in a second, which was certainly reached; 0 if no change is proved
	MostPPB  float64 // the largest that the means of such windows do not rule out: faster changes that even out within a window do not show
}

// exceeded is by how much the counter was off at least, in ppm, in one window.
func (w *Windows) exceeded() float64 { return max(w.FastestPPM, -w.SlowestPPM, 0) }

// notExcluded is the largest |mean rate| of a window that is not ruled out.
func (w *Windows) notExcluded() float64 { return max(w.HighPPM, -w.LowPPM) }

func (w *Windows) add(i interval) {
	if w.Count == 0 {
		w.LowPPM, w.HighPPM = math.Inf(1), math.Inf(-1)
		w.FastestPPM, w.SlowestPPM = math.Inf(-1), math.Inf(1)
	}
	w.Count++
	w.LowPPM, w.HighPPM = min(w.LowPPM, i.low), max(w.HighPPM, i.high)
	w.FastestPPM, w.SlowestPPM = max(w.FastestPPM, i.low), min(w.SlowestPPM, i.high)
	w.KnownToPPM = max(w.KnownToPPM, (i.high-i.low)/2)
}

// windows returns what the windows of a length prove.
func (h *history) windows(length time.Duration) (w Windows) {
	w.Length = length
	var c coverage
	for _, s := range h.stretches {
		for _, ends := range s.windows(length) {
			i, _ := meanRate(ends[0], ends[1])
			w.add(i)
			c.add(ends[0].at, ends[1].at)
		}
	}
	w.Covered = c.total
	return w
}

// windows returns the two ends of each window of a length that bounds a rate.
func (s stretch) windows(length time.Duration) (all [][2]moment) {
	best := s.best(length / parts)
	for k := parts; k < len(best); k++ {
		p, q := best[k-parts], best[k]
		if p == nil || q == nil {
			continue
		}
		if _, ok := meanRate(*p, *q); ok {
			all = append(all, [2]moment{*p, *q})
		}
	}
	return all
}

// counted is how much is in some window, of whatever length.
func (h *history) counted() time.Duration {
	var c coverage
	for _, s := range h.stretches {
		var all [][2]moment
		for _, length := range lengths {
			all = append(all, s.windows(length)...)
		}
		slices.SortFunc(all, func(a, b [2]moment) int { return cmp.Compare(a[0].at, b[0].at) })
		for _, ends := range all {
			c.add(ends[0].at, ends[1].at)
		}
	}
	return c.total
}

// coverage adds up how much windows cover that are given in the order of their beginnings. What several of them
// cover counts once.
type coverage struct {
	total time.Duration
	begun bool
	until monotonic.Instant
}

func (c *coverage) add(from, to monotonic.Instant) {
	if c.begun {
		from = max(from, c.until)
	}
	if to > from {
		c.total += to.Sub(from)
		c.begun, c.until = true, to
	}
}

// whole is the longest window that there is: from the best moment of the first eighth of the longest stretch to
// that of the last one.
func (h *history) whole() (w Windows) {
	var longest stretch
	for _, s := range h.stretches {
		if s.length() > longest.length() {
			longest = s
		}
	}
	if longest.length() < time.Minute {
		return w
	}
	best := slices.DeleteFunc(longest.best(longest.length()/parts+1), func(m *moment) bool { return m == nil })
	first, last := *best[0], *best[len(best)-1]
	w.Length = last.at.Sub(first.at)
	if i, ok := meanRate(first, last); ok {
		w.add(i)
	}
	return w
}

// wanders returns what the pairs of windows of a length prove.
func (h *history) wanders(length time.Duration) (w Wander) {
	w.Length = length
	var c coverage
	for _, s := range h.stretches {
		best := s.best(length / parts)
		for k := 2 * parts; k < len(best); k++ {
			p, q, r := best[k-2*parts], best[k-parts], best[k]
			if p == nil || q == nil || r == nil {
				continue
			}
			if least, most, ok := wander(*p, *q, *r); ok {
				w.Count++
				w.LeastPPB, w.MostPPB = max(w.LeastPPB, least), max(w.MostPPB, most)
				c.add(p.at, r.at)
			}
		}
	}
	w.Covered = c.total
	return w
}
