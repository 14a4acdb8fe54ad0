package statuspage

import (
	"context"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// How much of the past is kept, enough for whoever comes to look after something has happened, and how often the clock is
// read for it. Between two readings ε grows by ρ: by 20 µs at 200 ppm, and by so much a peak may be missed. More often would cost an
// idle daemon more than all else that it does.
const (
	historyEvery = time.Second
	historySize  = 600
	readEvery    = 100 * time.Millisecond
)

// Clock is what a history is kept of.
type Clock interface{ Status() truetime.Status }

// Second is how a clock was in one second.
type Second struct {
	Answered bool            // at every reading
	Largest  truetime.Budget // of the answer with the largest ε; the zero value if there was none
}

// Seconds are how a clock was in each of several, the newest last: one element of every list for each.
type Seconds struct {
	Every time.Duration // from one to the next
	End   int           // how many there have been since the start, these included

	Uncertainty []time.Duration // the largest ε; 0 where there was no answer

	Delay, Claim, Drift, Leap, Disagreement []time.Duration // the parts of it

	Answered []bool // there was an answer all the time
}

// History keeps the seconds of the last minutes. The zero value is empty.
type History struct {
	mu      sync.Mutex
	seconds [historySize]Second
	end     int
}

// Keep reads a clock until ctx ends.
func (h *History) Keep(ctx context.Context, clock Clock) {
	ticker := time.NewTicker(readEvery)
	defer ticker.Stop()
	var o observer
	began := time.Now()
	for {
		o.read(clock.Status())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		passed := int(time.Since(began) / historyEvery)
		if passed == 0 {
			continue
		}
		h.add(o.second())
		for range min(passed-1, historySize) { // the process was stopped, and nobody knows
			h.add(Second{})
		}
		began = began.Add(time.Duration(passed) * historyEvery)
	}
}

func (h *History) add(s Second) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seconds[h.end%historySize] = s
	h.end++
}

// Since returns the seconds that there have been since a number of them; from 0 on, all that are kept.
func (h *History) Since(end int) Seconds {
	h.mu.Lock()
	defer h.mu.Unlock()
	from := max(end, h.end-historySize, 0)
	n := max(h.end-from, 0)
	r := Seconds{Every: historyEvery, End: h.end, Answered: make([]bool, 0, n)}
	for _, list := range []*[]time.Duration{&r.Uncertainty, &r.Delay, &r.Claim, &r.Drift, &r.Leap, &r.Disagreement} {
		*list = make([]time.Duration, 0, n)
	}
	for i := from; i < h.end; i++ {
		s := h.seconds[i%historySize]
		b := s.Largest
		r.Uncertainty = append(r.Uncertainty, b.Uncertainty())
		r.Delay, r.Claim, r.Drift = append(r.Delay, b.Delay), append(r.Claim, b.Claim), append(r.Drift, b.Drift)
		r.Leap, r.Disagreement = append(r.Leap, b.Leap), append(r.Disagreement, b.Disagreement)
		r.Answered = append(r.Answered, s.Answered)
	}
	return r
}

// observer finds the largest ε of a second, and what it was made of.
type observer struct {
	largest          truetime.Budget
	answers, refused bool
}

func (o *observer) read(s truetime.Status) {
	if s.Err != nil {
		o.refused = true
		return
	}
	o.answers = true
	if s.Budget.Uncertainty() > o.largest.Uncertainty() {
		o.largest = s.Budget
	}
}

// second ends a second.
func (o *observer) second() Second {
	s := Second{Answered: o.answers && !o.refused, Largest: o.largest}
	*o = observer{}
	return s
}
