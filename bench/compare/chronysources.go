package main

import (
	"math"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// candidate is a source that chrony can select, and the interval that it votes with.
type candidate struct {
	distance float64
	interval truetime.Interval // of the offset, in nanoseconds
}

// Of sources.c.
const (
	maxDistance      = 3    // seconds
	reselectDistance = 1e-4 // another source has to be nearer by this much
	scoreLimit       = 10   // and for so long
	combineLimit     = 3    // sources are combined that are up to so many times as far away
	distantPenalty   = 32
	reachBits        = 8
)

// survivors are the sources that agree with most others, or nil where others do not; those that do not agree
// are nil among them.
func (r *chrony) survivors(now float64) []*candidate {
	all := make([]*candidate, len(r.sources))
	reachable := 0.0 // the age of the oldest sample of all that can be reached
	for i := range r.sources {
		s := &r.sources[i]
		if !s.ok {
			continue
		}
		if all[i] = s.candidate(now); all[i].distance > maxDistance {
			all[i] = nil
		} else if !s.unreachable(now) {
			reachable = max(reachable, now-s.oldest().at)
		}
	}
	var votes []truetime.Interval
	ready := 0
	for i := range r.sources {
		s := &r.sources[i]
		if all[i] != nil && s.unreachable(now) && reachable < now-s.newest().at {
			all[i] = nil
		}
		if all[i] != nil {
			votes = append(votes, all[i].interval)
			ready = max(ready, s.heard)
		}
	}
	for i := range r.sources {
		if s := &r.sources[i]; r.selected == nobody && ready > 0 && !s.ok && s.heard == ready-1 {
			return nil // it is about to be ready, and is waited for
		}
	}
	deepest := deepestOf(votes)
	region, _ := hull(votes, deepest)
	if 2*deepest <= len(votes) {
		r.selected, r.synced = nobody, false // "Can't synchronise: no majority"
		return nil
	}
	some := false
	for i, c := range all {
		if c == nil {
			continue
		}
		around := c.interval.Earliest <= region.Earliest && c.interval.Latest >= region.Latest
		within := c.interval.Earliest >= region.Earliest && c.interval.Latest <= region.Latest
		if some = some || around || within; !around && !within {
			all[i] = nil
		}
	}
	if !some {
		r.selected = nobody
		return nil
	}
	return all
}

// candidate is what a source says now (SST_GetSelectionData): its best sample, carried.
func (s *register) candidate(now float64) *candidate {
	distance := s.best.distance(now, s.line.skew)
	if stale := 2*(now-s.newest().at) - (now - s.oldest().at); stale > 0 {
		distance += maxClockError * stale
	}
	offset := s.best.offset + (now-s.best.at)*s.line.frequency
	inNanoseconds := func(offset float64) truetime.Time { return truetime.Time(offset * float64(time.Second)) }
	return &candidate{distance, truetime.Interval{Earliest: inNanoseconds(offset - distance), Latest: inNanoseconds(offset + distance)}}
}

func (s *register) unreachable(now float64) bool {
	n := len(s.samples)
	return now-s.newest().at > reachBits*(s.samples[n-1].at-s.samples[n-2].at)
}

// choose selects the source to follow. It reports false if that has said nothing new.
func (r *chrony) choose(updated int, survivors []*candidate, now float64) bool {
	selected := 0.0
	if r.selected != nobody {
		selected = r.sources[r.selected].candidate(now).distance
	}
	best := nobody
	for i, c := range survivors {
		s := &r.sources[i]
		if c == nil {
			s.score, s.distant = 1, distantPenalty
			continue
		}
		distance := c.distance + reselectDistance
		if r.selected == nobody {
			s.score = 1 / distance
		} else if i == updated || r.selected == updated {
			s.score = max(1, s.score*selected/distance)
		}
		if best == nobody || s.score > r.sources[best].score {
			best = i
		}
	}
	if r.selected == nobody || survivors[r.selected] == nil || best != r.selected && r.sources[best].score > scoreLimit {
		if r.selected = nobody; r.sources[best].updates == 0 {
			return false
		}
		r.selected = best
		for i := range r.sources {
			r.sources[i].score, r.sources[i].distant = 1, 0
		}
	}
	return r.sources[r.selected].updates > 0
}

// combine is the line of the selected source, averaged with those of the others (combine_sources). Its
// deviations are not needed, as nothing that is reported rests on them.
func (r *chrony) combine(survivors []*candidate) line {
	chosen := r.sources[r.selected].line
	farthest := combineLimit * (survivors[r.selected].distance + reselectDistance)
	var offset, offsetWeight, frequency, frequencyWeight, skew float64
	for i, c := range survivors {
		if c == nil {
			continue
		}
		s := &r.sources[i]
		l := s.line
		apart := combineLimit * (chosen.skew + l.skew + maxClockError)
		if i != r.selected && (c.distance > farthest || math.Abs(chosen.frequency-l.frequency) > apart) {
			if s.distant = 1; s.heard >= reachBits {
				s.distant = distantPenalty
			}
		} else if s.distant > 0 {
			s.distant--
		}
		if s.distant > 0 {
			continue
		}
		offset += (l.offset + (chosen.at-l.at)*l.frequency) / c.distance
		offsetWeight += 1 / c.distance
		weight := 1 / (l.frequencySD * l.frequencySD)
		frequency += l.frequency * weight
		frequencyWeight += weight
		skew += 1 / (l.skew * l.skew)
	}
	return line{at: chosen.at, offset: offset / offsetWeight, frequency: frequency / frequencyWeight, skew: 1 / math.Sqrt(skew)}
}
