package main

import (
	"math"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// ntpdRS is what ntpd-rs says of its own clock to its clients: root dispersion + root delay/2, around what it
// believes. It follows github.com/pendulum-project/ntpd-rs, ntp-proto/src/algorithm/kalman, with its default
// configuration:
//
//   - source.rs: a Kalman filter for each source, of the offset and the frequency; the noise is a quarter of
//     the variance of the last eight delays, the wander is learnt;
//   - select.rs: of the ranges of two standard deviations and a quarter of the delay, those that reach to where most
//     meet, if these are more than half and at least three;
//   - combiner.rs: their filters are merged, as if their errors were independent, each with the server's
//     dispersion added to its variance; the root delay is the shortest of their mean delays;
//   - system.rs, TimeSnapshot::root_dispersion: a standard deviation, which grows as the filter predicts.
//
// So its dispersion is no bound, and is not called one: a filter averages errors that a bound adds up.
//
// Left out, in its favour: it is always as near to what it believes as it can be, where the program leaves an offset of
// up to two standard deviations alone; a source counts from its ninth sample, as before that its range is
// so wide as to make the means worthless; the smallest wander of all is that of the clock. The server's claim is
// taken for its root dispersion.
type ntpdRS struct {
	zero
	sources []filtered
	clock   kalman
	wander  float64
	delay   float64 // root delay
	ok      bool
}

// Of config.rs.
const (
	firstSamples       = 8
	initialWander      = 1e-8
	initialFrequency   = 100e-6 // standard deviation
	outlier            = 5      // standard deviations of the delay
	statisticalWeight  = 2
	delayWeight        = 0.25
	largestRange       = 0.25 // seconds
	agreeing           = 3
	precisionScore     = 16
	leastDelay         = 1.0 / (1 << 18) // seconds
	precisionMinWeight = 0.1
)

// filtered is a source, and what the clock was last told of it.
type filtered struct {
	delays, offsets lastEight
	filter          kalman
	wander          float64
	score           int
	skipped         bool // it has had its one outlier

	told  kalman
	ready bool
	claim float64
}

func newNTPDRS(sources int) rule { return &ntpdRS{sources: make([]filtered, sources)} }

func (r *ntpdRS) take(source int, s truetime.Sample) {
	if _, ok := arrived(s, spanner); !ok {
		return
	}
	m := r.measure(s)
	if r.sources[source].take(m) {
		r.update(m.at)
	}
}

// take reports whether the clock is told.
func (f *filtered) take(m measurement) bool {
	m.delay = max(m.delay, leastDelay)
	f.claim = m.claim
	if f.offsets.n < firstSamples {
		f.delays.add(m.delay)
		f.offsets.add(m.offset)
		if f.offsets.n == firstSamples {
			f.wander = initialWander * initialWander
			f.filter = kalman{at: m.at, offset: f.offsets.mean(), p00: f.offsets.variance(), p11: initialFrequency * initialFrequency}
		}
		return false
	}
	if m.at < f.filter.at {
		return false
	}
	if !f.skipped && m.delay-f.delays.mean() > outlier*math.Sqrt(f.delays.variance()) {
		f.skipped = true
		return false
	}
	f.filter = f.filter.progress(m.at, f.wander)
	f.delays.add(m.delay)
	likely, weight := f.filter.absorb(m.offset, f.delays.variance()/4)
	f.learn(likely, weight)
	f.told, f.ready = f.filter, true
	return true
}

// learn adapts the wander: to a quarter if measurements are nearer to what is expected than they would be by
// chance, and to four times if they are farther away.
func (f *filtered) learn(likely, weight float64) {
	switch {
	case 1-likely < 1.0/3 && weight > precisionMinWeight:
		f.score--
	case 1-likely > 2.0/3:
		f.score++
	case f.score > 0:
		f.score--
	case f.score < 0:
		f.score++
	}
	if f.score <= -precisionScore {
		f.wander, f.score = f.wander/4, 0
	} else if f.score >= precisionScore {
		f.wander, f.score = f.wander*4, 0
	}
}

// update selects and combines. If no majority agrees, the clock goes on with what it had.
func (r *ntpdRS) update(now float64) {
	for _, f := range r.sources {
		if f.ready && f.told.at > now {
			return
		}
	}
	var candidates []*filtered
	for i := range r.sources {
		f := &r.sources[i]
		if !f.ready {
			continue
		}
		f.told = f.told.progress(now, f.wander)
		if f.radius() <= largestRange {
			candidates = append(candidates, f)
		}
	}
	meeting, most := 0.0, 0
	for _, f := range candidates {
		begins, covered := f.told.offset-f.radius(), 0
		for _, other := range candidates {
			if other.reaches(begins) {
				covered++
			}
		}
		if covered > most || covered == most && begins < meeting {
			meeting, most = begins, covered
		}
	}
	if most < agreeing || 2*most <= len(candidates) {
		return
	}
	r.ok, r.delay, r.wander = false, math.Inf(1), math.Inf(1)
	for _, f := range candidates {
		if !f.reaches(meeting) {
			continue
		}
		k := f.told
		k.p00 += f.claim * f.claim
		if r.ok {
			k = r.clock.merge(k)
		}
		r.clock, r.ok = k, true
		r.delay, r.wander = min(r.delay, f.delays.mean()), min(r.wander, f.wander)
	}
}

func (f *filtered) radius() float64 {
	return statisticalWeight*math.Sqrt(f.told.p00) + delayWeight*f.delays.mean()
}

func (f *filtered) reaches(offset float64) bool {
	return f.told.offset-f.radius() <= offset && offset <= f.told.offset+f.radius()
}

func (r *ntpdRS) at(c monotonic.Instant) (truetime.Interval, bool) {
	if !r.ok {
		return truetime.Interval{}, false
	}
	now := r.clock.progress(r.seconds(c), r.wander)
	return r.around(c, now.offset, r.delay/2+math.Sqrt(now.p00)), true
}
