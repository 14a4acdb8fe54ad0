package metrics

import (
	"math"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Clock is what is measured: a [truetime.Clock], or a daemon that has one after the other.
type Clock interface {
	Now() (truetime.Interval, error)
	Status() truetime.Status
	Peak(window time.Duration) (peak time.Duration, bounded bool)
	Distribution() truetime.Distribution
}

// peakAtLeast is the window of the peak if values are collected more often. It lets two collectors that do not know
// of each other see every peak, as long as each comes once in that time.
const peakAtLeast = 2 * time.Minute

// ClockReader measures a clock.
type ClockReader struct {
	clock  Clock
	budget func() time.Duration
	wall   func() time.Time

	mu   sync.Mutex
	last time.Time // of the one before, by Go's clock: no bound follows from it
}

// NewClockReader measures a clock whose uncertainty is to stay below a budget; nil for none.
func NewClockReader(clock Clock, budget func() time.Duration) *ClockReader {
	return &ClockReader{clock: clock, budget: budget, wall: time.Now, last: time.Now()}
}

// Collect gives all values of this moment to a sink.
func (r *ClockReader) Collect(to Sink) {
	s := r.clock.Status()
	flag(to, synchronized, s.State == truetime.Synchronized)
	to.Value(uncertainty, unbounded(s.Uncertainty, s.Interval.Valid()))
	to.Value(peak, unbounded(r.clock.Peak(r.window())))
	if r.budget != nil {
		to.Value(budget, r.budget().Seconds())
	}
	if s.Interval.Valid() {
		for _, p := range []struct {
			name string
			size time.Duration
		}{
			{"delay", s.Budget.Delay}, {"claim", s.Budget.Claim}, {"drift", s.Budget.Drift}, {"leap", s.Budget.Leap},
			{"pause", s.Budget.Pause}, {"disagreement", s.Budget.Disagreement},
		} {
			to.Value(part, p.size.Seconds(), p.name)
		}
	}
	to.Distribution(distribution, distributionOf(r.clock.Distribution()))
	collectState(to, s)
	r.collectSystemClock(to, s)
	for _, source := range s.Sources {
		collectSource(to, s, source)
	}
}

// window is how far back the peak goes.
func (r *ClockReader) window() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	since := now.Sub(r.last)
	r.last = now
	return max(peakAtLeast, since)
}

func collectState(to Sink, s truetime.Status) {
	to.Value(driftBound, s.DriftPPM/1e6)
	to.Value(refusals, float64(s.Refusals.NotSynchronized), "not_synchronized")
	to.Value(refusals, float64(s.Refusals.UncertaintyTooLarge), "uncertainty_too_large")
	to.Value(refusals, float64(s.Refusals.ClockFaulty), "clock_faulty")
	to.Value(disruptions, float64(s.Disruptions.Counter), "counter")
	to.Value(disruptions, float64(s.Disruptions.Pause), "pause")
	to.Value(disruptions, float64(s.Disruptions.Contradiction), "contradiction")
	to.Value(disruptions, float64(s.Disruptions.Identity), "identity")
	to.Value(disruptions, float64(s.Disruptions.LeapSeconds), "leap_seconds")
	to.Value(voters, float64(s.Voters))
	to.Value(heard, float64(s.Heard))
	to.Value(answering, float64(s.Answering))
	to.Value(faultyMax, float64(s.Faulty))
	if expiry := s.LeapSeconds.TableExpiry; !expiry.IsZero() {
		to.Value(leapTableExpiry, unix(expiry))
	}
}

// collectSystemClock says by how much the system clock is ahead. It steps at a leap second where the interval is smeared
// over the day around it, so nothing is said then.
func (r *ClockReader) collectSystemClock(to Sink, s truetime.Status) {
	const day = 24 * time.Hour
	before := truetime.FromStd(r.wall())
	now, err := r.clock.Now()
	after := truetime.FromStd(r.wall())
	if at := s.LeapSeconds.At; err != nil || !at.IsZero() && now.Latest.After(at.Add(-day)) && now.Earliest.Before(at.Add(day)) {
		return
	}
	to.Value(systemClockLower, before.Sub(now.Latest).Seconds())
	to.Value(systemClockUpper, after.Sub(now.Earliest).Seconds())
}

func collectSource(to Sink, s truetime.Status, source truetime.SourceStatus) {
	name := source.Name
	to.Value(sourceVerdict, 1, name, source.Verdict.String())
	if source.Interval.Valid() && s.Interval.Valid() {
		middle := s.Interval.Midpoint()
		to.Value(sourceOffsetLower, source.Interval.Earliest.Sub(middle).Seconds(), name)
		to.Value(sourceOffsetUpper, source.Interval.Latest.Sub(middle).Seconds(), name)
	}
	if source.Interval.Valid() { // it has given a sample in this epoch
		to.Value(sourceDelay, source.Delay.Seconds(), name)
		to.Value(sourceRootDistance, source.Claim.Seconds(), name)
		to.Value(sourceAge, source.Age.Seconds(), name)
		if source.Stratum > 0 {
			to.Value(sourceStratum, float64(source.Stratum), name)
		}
	}
	to.Value(sourcePollInterval, source.Poll.Seconds(), name)
	p := source.Polls
	to.Value(sourcePolls, float64(p.Total()), name)
	to.Value(sourceErrors, float64(p.NoAnswer), name, "no_answer")
	to.Value(sourceErrors, float64(p.Unusable), name, "unusable")
	to.Value(sourceErrors, float64(p.Retracted), name, "retracted")
	to.Value(sourceErrors, float64(p.SlowedDown), name, "slow_down")
	to.Value(sourceErrors, float64(p.Denied), name, "denied")
}

// unbounded is a duration in seconds, or infinity.
func unbounded(d time.Duration, bounded bool) float64 {
	if !bounded {
		return math.Inf(1)
	}
	return d.Seconds()
}

func flag(to Sink, m *Metric, is bool, labels ...string) {
	value := 0.0
	if is {
		value = 1
	}
	to.Value(m, value, labels...)
}

func unix(t truetime.Time) float64 { return float64(t) / 1e9 }

func distributionOf(d truetime.Distribution) Distribution {
	n := Distribution{Counts: d.Counts, Sum: d.Sum.Seconds()}
	for _, b := range d.Bounds {
		n.Bounds = append(n.Bounds, b.Seconds())
	}
	return n
}
