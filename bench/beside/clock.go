package main

import (
	"slices"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

// clockInBed is a clock of ours and what it has said, added up.
type clockInBed struct {
	variant
	clock *truetime.Clock

	reads, wrong int
	epsilon      time.Duration
	terms        truetime.Budget // sums
	ages         time.Duration
	claims       time.Duration   // E of all servers, their mean
	best         time.Duration   // ε if none of the servers could be wrong
	counter      string          // which it reads
	known        time.Duration   // what each way takes at least, as declared
	delays       []time.Duration // δ of each server at each read
}

// read asks for the time and why that is as uncertain as it is, and compares it with the clock that the servers serve.
func (s *clockInBed) read(c *command, b *bed) {
	before := truetime.Time(testbed.Realtime())
	i, err := s.clock.Now()
	after := truetime.Time(testbed.Realtime())
	if err != nil {
		c.Fatalf("%s on the bed %s: %v: %s", s.name, b.name, err, s.clock.Status().Summary())
	}
	s.reads++
	if i.Earliest > after || i.Latest < before {
		if s.wrong++; s.wrong == 1 { // one tells as much as all
			c.Errorf("%s on the bed %s: %v does not contain the host's clock, %v to %v", s.name, b.name, i, before, after)
		}
	}
	status := s.clock.Status()
	s.epsilon += status.Uncertainty
	s.add(status.Budget)
	together := status.Interval
	for j, source := range status.Sources {
		if j == 0 {
			together = source.Interval
		}
		together = truetime.Interval{Earliest: max(together.Earliest, source.Interval.Earliest), Latest: min(together.Latest, source.Interval.Latest)}
		s.delays = append(s.delays, source.Delay)
		s.claims += source.Claim / serverCount
		s.known = source.MinDelay
	}
	s.counter = status.Counter
	s.best += together.Uncertainty()
}

func (s *clockInBed) add(t truetime.Budget) {
	s.terms.Delay += t.Delay
	s.terms.Claim += t.Claim
	s.terms.Drift += t.Drift
	s.terms.Leap += t.Leap
	s.terms.Pause += t.Pause
	s.terms.Disagreement += t.Disagreement
	s.ages += (t.EarliestAge + t.LatestAge) / 2
}

func (s *clockInBed) mean(sum time.Duration) time.Duration { return mean(sum, s.reads) }

// delay is a percentile of the round trips.
func (s *clockInBed) delay(percent int) time.Duration {
	slices.Sort(s.delays)
	return percentile(s.delays, percent)
}

// percentile is that of sorted durations; 0 if there are none.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

// floor is what the formulas allow a clock of this kind on that bed.
func (s *clockInBed) floor(p *phase, b *bed) terms {
	return floor(conditions{
		path: b.path, poll: b.poll / time.Duration(s.often), claim: s.mean(s.claims), known: s.known,
		wander: s.wander, spread: s.spread, settle: p.settle, span: p.span,
	})
}
