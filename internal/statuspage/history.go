package statuspage

import (
	"context"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// How much of the past is kept: enough for whoever comes to look after something has happened.
const (
	historyEvery = time.Second
	historySize  = 600
)

// Clock is what a history is kept of: a [truetime.Clock], or several that take turns.
type Clock interface {
	Status() truetime.Status
	Peak(window time.Duration) (peak time.Duration, bounded bool)
	Changed() <-chan struct{}
}

// Second is how a clock was in one second.
type Second struct {
	Answered bool            // all the time
	Largest  truetime.Budget // of the answer with the largest ε; the zero value if there was none
}

// Seconds are how a clock was in each of several, the newest last: one element of every list for each.
type Seconds struct {
	Every time.Duration // from one to the next
	End   int           // how many there have been since the start, these included

	Uncertainty []time.Duration // the largest ε; 0 where there was no answer

	Delay, Claim, Drift, Leap, Pause, Disagreement []time.Duration // the parts of it

	Answered []bool // there was an answer all the time
}

// History keeps the seconds of the last minutes. The zero value is empty.
type History struct {
	mu      sync.Mutex
	seconds [historySize]Second
	end     int
}

// Keep reads a clock until ctx ends: whenever it publishes and at the end of each second. Between two publications ε only grows by
// drift, so nothing is missed.
func (h *History) Keep(ctx context.Context, clock Clock) {
	ticker := time.NewTicker(historyEvery)
	defer ticker.Stop()
	began := time.Now()
	changed := clock.Changed()
	var o observer
	o.read(clock)
	for {
		over := false
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
			over = true
		}
		changed = clock.Changed()
		o.read(clock)
		passed := int(time.Since(began) / historyEvery)
		if !over || passed == 0 {
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
	for _, list := range []*[]time.Duration{&r.Uncertainty, &r.Delay, &r.Claim, &r.Drift, &r.Leap, &r.Pause, &r.Disagreement} {
		*list = make([]time.Duration, 0, n)
	}
	for i := from; i < h.end; i++ {
		s := h.seconds[i%historySize]
		b := s.Largest
		r.Uncertainty = append(r.Uncertainty, b.Uncertainty())
		r.Delay, r.Claim, r.Drift = append(r.Delay, b.Delay), append(r.Claim, b.Claim), append(r.Drift, b.Drift)
		r.Leap, r.Pause, r.Disagreement = append(r.Leap, b.Leap), append(r.Pause, b.Pause), append(r.Disagreement, b.Disagreement)
		r.Answered = append(r.Answered, s.Answered)
	}
	return r
}

// observer finds the largest ε of a second, and what it was made of.
type observer struct {
	largest          truetime.Budget
	answers, refused bool

	before truetime.Budget // at the last reading; the zero value without an answer
	at     time.Time       // when that was, by Go's clock: no bound follows from it
}

// read takes in how the clock is, and what it has been since the last reading.
func (o *observer) read(clock Clock) {
	began := time.Now()
	peak, bounded := time.Duration(0), true
	if !o.at.IsZero() {
		peak, bounded = clock.Peak(began.Sub(o.at))
	}
	s := clock.Status()
	if s.Err != nil || !bounded {
		o.refused = true
	}
	o.answers = o.answers || s.Err == nil || o.before != truetime.Budget{} && bounded
	if grown := peak - o.before.Uncertainty(); grown >= 0 && o.before != (truetime.Budget{}) { // what was there has grown to that, by drift
		was := o.before
		was.Drift += grown
		o.take(was)
	}
	if o.before, o.at = (truetime.Budget{}), began; s.Err == nil {
		o.before = s.Budget
		o.take(s.Budget)
	}
}

func (o *observer) take(b truetime.Budget) {
	if b.Uncertainty() > o.largest.Uncertainty() {
		o.largest = b
	}
}

// second ends a second.
func (o *observer) second() Second {
	s := Second{Answered: o.answers && !o.refused, Largest: o.largest}
	o.largest, o.answers, o.refused = truetime.Budget{}, false, false
	return s
}
