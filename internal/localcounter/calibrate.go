package localcounter

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// pair is a reading of the reference between two readings of the hardware counter. The reference
// read raw at some moment while the hardware counter went from before to after. The width of that
// bracket is the error of the pair, and every bound that is computed from the pair includes it.
type pair struct {
	before, after uint64
	raw           int64
}

// pairTries is how many pairs readPair reads. It returns the narrowest, because an interrupt, or a
// first reading whose code is in no cache, widens the bracket.
const pairTries = 3

func readPair(m machine) (best pair, err error) {
	for try := range pairTries {
		p, err := m.bracket()
		if err != nil {
			return pair{}, fmt.Errorf("reading %s failed: %w", rawName, err)
		}
		if try == 0 || p.after-p.before < best.after-best.before {
			best = p
		}
	}
	return best, nil
}

const (
	// calibrationSpan is how long the first measurement takes. With brackets of 50 ns it finds the
	// rate within 20 ppm; the [Watch] improves that with every Check.
	calibrationSpan = 5 * time.Millisecond

	// calibrationTries is how often the measurement is tried if interrupts make its error larger
	// than calibrationError.
	calibrationTries = 3
	calibrationError = 200e-6

	minTicksPerSecond = 1_000_000      // Arm ARM, D11.1.2
	maxTicksPerSecond = 20_000_000_000 // no processor comes close
)

// calibrate measures the rate of the hardware counter and returns the choice to use it.
func calibrate(m machine) (chosen *choice, err error) {
	for range calibrationTries {
		if chosen, err = calibrateOnce(m); err == nil {
			return chosen, nil
		}
	}
	return nil, err
}

func calibrateOnce(m machine) (*choice, error) {
	start, err := readPair(m)
	if err != nil {
		return nil, err
	}
	m.sleep(calibrationSpan)
	end, err := readPair(m)
	if err != nil {
		return nil, err
	}
	if end.raw <= start.raw || end.before <= start.after {
		return nil, fmt.Errorf("the counter or %s stood still or went back", rawName)
	}
	elapsedTicks, elapsed := end.middle()-start.middle(), uint64(end.raw-start.raw)
	bracketed := start.after - start.before + end.after - end.before
	if e := float64(bracketed) / float64(elapsedTicks); e > calibrationError {
		return nil, fmt.Errorf("its rate could be measured to within %.0f ppm only", e*1e6)
	}
	perSecond := float64(elapsedTicks) / float64(elapsed) * 1e9
	if perSecond < minTicksPerSecond || perSecond > maxTicksPerSecond {
		return nil, fmt.Errorf("a rate of %.0f ticks a second is not credible", perSecond)
	}
	s := newScale(start.before, start.raw, elapsedTicks, elapsed)
	step := m.step()
	if step > minTicksPerSecond { // a second, if it was as slow as that
		return nil, errors.New("the counter stands still")
	}
	s.step = s.at(s.origin+step) - s.base + 1
	return &choice{
		hardware:   &Hardware{s},
		start:      start,
		resolution: time.Duration(s.tick() + 1), // the step, and the fraction that is cut off
		text:       fmt.Sprintf("%s at %.1f MHz", ticks.Name, perSecond/1e6),
	}, nil
}

func (p pair) middle() uint64 { return p.before + (p.after-p.before)/2 }

// rateBetween bounds dc/dr − 1, the mean rate of the scaled counter against the reference between
// two pairs, which must be in order.
func (s *scale) rateBetween(p, q pair) (low, high float64) {
	// By how much reference and scale may be behind: each by a step, which is the same for both
	// because the kernel keeps time by this counter, and by rounding, the reference twice.
	slack := 2*s.tick() + 3
	elapsed := q.raw - p.raw
	if elapsed <= slack {
		return math.Inf(-1), math.Inf(1)
	}
	least := s.at(q.before) - s.at(p.after) - slack
	most := s.at(q.after) - s.at(p.before) + slack
	return float64(least-elapsed) / float64(elapsed), float64(most-elapsed) / float64(elapsed)
}
