package main

import (
	"math"
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
	bracket      time.Duration // the widest between two readings of the host's clock that an answer was compared with
	epsilons     series
	epsilon      time.Duration
	terms        truetime.Budget // sums
	ages         time.Duration
	claims       time.Duration   // E of all servers, their mean
	best         time.Duration   // ε if none of the servers could be wrong
	counter      string          // which it reads
	known        time.Duration   // what each way takes at least, as declared
	delays       []time.Duration // δ of each server at each read
}

// An answer is compared with the host's clock before and after it, and an error that is less than what is between the two may go unnoticed. Where
// that is more than bracketMax the program was interrupted, and asks again, so many times.
const (
	bracketMax = 50 * time.Microsecond
	compareMax = 20
)

// compare asks for the time, and compares it with the clock that the servers serve.
func (s *clockInBed) compare(c *command, b *bed) {
	narrowest := time.Duration(math.MaxInt64)
	wrong := false
	for asked := 0; narrowest > bracketMax && asked < compareMax; asked++ {
		before := truetime.Time(testbed.Realtime())
		i, err := s.clock.Now()
		after := truetime.Time(testbed.Realtime())
		if err != nil {
			c.Fatalf("%s on the bed %s: %v: %s", s.name, b.name, err, s.clock.Status().Summary())
		}
		wrong = wrong || apart(i, before, after)
		narrowest = min(narrowest, after.Sub(before))
	}
	s.bracket = max(s.bracket, narrowest)
	s.reads++
	if wrong {
		s.wrong++
	}
}

// apart reports whether an interval cannot contain what the host's clock was at some moment between two readings.
func apart(i truetime.Interval, before, after truetime.Time) bool {
	return i.Earliest > after || i.Latest < before
}

// read asks for the time, and why that is as uncertain as it is.
func (s *clockInBed) read(c *command, b *bed, block int) {
	s.compare(c, b)
	status := s.clock.Status()
	s.epsilons.add(block, status.Uncertainty)
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

// expected is what follows from the formulas for a clock of this kind on that bed, whose ways are so much longer than they are named.
func (s *clockInBed) expected(p *phase, b *bed, late []time.Duration) terms {
	return expected(conditions{
		path: b.path, late: late, poll: b.poll / time.Duration(s.often), drift: b.drift, claim: s.mean(s.claims), known: s.known,
		wander: s.wander, settle: p.settle, span: p.span,
	})
}
