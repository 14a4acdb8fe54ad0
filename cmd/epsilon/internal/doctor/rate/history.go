package rate

import (
	"slices"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// parts is in how many slots a window is divided. Of each slot the moment counts that is known best, so a
// window is up to an eighth longer or shorter than its name.
const parts = 8

// slot is the length of the shortest ones.
const slot = shortest / parts

// history is what is known of true time along the counter. Windows never reach from one stretch into another:
// the counter may have stood still or jumped in between.
type history struct {
	stretches []stretch // the last one goes on
}

// stretch is the moments between two disruptions, the oldest first, one for each slot that has any.
type stretch []moment

// add takes note of a moment, after all others.
func (h *history) add(m moment) {
	if len(h.stretches) == 0 {
		h.stretches = append(h.stretches, nil)
	}
	s := &h.stretches[len(h.stretches)-1]
	last := len(*s) - 1
	if last < 0 || slotOf(*s, m, slot) != slotOf(*s, (*s)[last], slot) {
		*s = append(*s, m)
		return
	}
	if m.width() < (*s)[last].width() {
		(*s)[last] = m
	}
}

// end ends the present stretch. Nothing that is later than until counts, in whatever stretch it is.
func (h *history) end(until monotonic.Instant) {
	for i := range h.stretches {
		s := &h.stretches[i]
		for len(*s) > 0 && (*s)[len(*s)-1].at.After(until) {
			*s = (*s)[:len(*s)-1]
		}
	}
	h.stretches = slices.DeleteFunc(h.stretches, func(s stretch) bool { return len(s) == 0 })
	if len(h.stretches) > 0 {
		h.stretches = append(h.stretches, nil)
	}
}

// slotOf numbers the slots of a stretch.
func slotOf(s stretch, m moment, slot time.Duration) int { return int(m.at.Sub(s[0].at) / slot) }

// length is how long the stretch is, by the counter.
func (s stretch) length() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].at.Sub(s[0].at)
}

// best is the moment of each slot of a length that is known best, nil where there is none. One that is half
// as wide again as another within half a window of it is left out, as nothing was heard near it, unless it is no
// wider than 1 ppm of a window.
func (s stretch) best(slot time.Duration) []*moment {
	var all []*moment
	for i := range s {
		n := slotOf(s, s[i], slot)
		for len(all) <= n {
			all = append(all, nil)
		}
		if all[n] == nil || s[i].width() < all[n].width() {
			all[n] = &s[i]
		}
	}
	good, negligible := make([]*moment, len(all)), int64(slot)*parts/1_000_000
	for n, m := range all {
		if m == nil {
			continue
		}
		narrowest := m.width()
		for _, other := range all[max(0, n-parts/2):min(len(all), n+parts/2+1)] {
			if other != nil {
				narrowest = min(narrowest, other.width())
			}
		}
		if m.width() <= max(narrowest+narrowest/2, negligible) {
			good[n] = m
		}
	}
	return good
}
