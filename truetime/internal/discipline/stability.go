package discipline

import (
	"math"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// Stability is an assumption about the oscillator that is stronger than its drift: A4 of the
// contract, in the unit in which it is declared. Let y be dc/dT, the rate of the counter. The zero value
// assumes nothing.
type Stability struct {
	// Wander bounds how fast y changes: |dy/dT| ≤ Wander, as a fraction per second. 0 is no bound.
	Wander float64

	// Deviation bounds how far y may be from its own mean: within any hour, at every moment y is within
	// Deviation of its mean over any part of that hour. A fraction. 0 is no bound.
	Deviation float64
}

// NewStability returns the stability of a counter whose rate changes by no more than wanderPPB parts
// per billion in a second, and stays within deviationPPM parts per million of its mean over an hour.
func NewStability(wanderPPB, deviationPPM float64) Stability {
	return Stability{Wander: wanderPPB * 1e-9, Deviation: deviationPPM * 1e-6}
}

// steadiness is what a Stability says about r = dT/dc − 1, by how much faster than the counter true
// time runs. That is what everything here is calculated in, over spans of the counter.
type steadiness struct {
	wander    float64           // |dr/dc|, per nanosecond
	deviation float64           // of r from its mean over any part of an hour
	hour      monotonic.Instant // no longer than an hour of true time, in nanoseconds of the counter
}

// steadiness converts what was declared about y = dc/dT, as [NewDrift] does with ρ.
//
// # Why
//
// r is 1/y − 1. So dr/dc = (dr/dy)·(dy/dT)·(dT/dc) = −(dy/dT)/y³. The mean of r over a span of the
// counter is 1/m − 1, where m is the mean of y over the same span in true time, so r is (m − y)/(m·y) from
// it. And an hour of true time is at least hour·y of the counter. With 1/y and 1/m no more than 1 + fast:
//
//	w' = w·(1+fast)³    D' = D·(1+fast)²    hour' = hour/(1+fast)
//
// For a ρ of 200 ppm 1 + fast is 1/(1−ρ). w' is 0.06 % more than w then, and to use w itself is wrong by up
// to 50 µs after some minutes without a sample. A counter that was scaled (see [Drift.Scaled]) runs k times as fast as the one of which
// something was declared, and its y changes k times as much; k is no more than 1/(1−slow).
func (s Stability) steadiness(d Drift) steadiness {
	const outward = 1 + 1e-12 // a thousand times what these few operations lose
	stretch := 1 + d.fastRate()
	scaled := outward / (1 - d.slowRate())
	return steadiness{
		wander:    s.Wander / 1e9 * stretch * stretch * stretch * scaled,
		deviation: s.Deviation * stretch * stretch * scaled,
		hour:      monotonic.Instant(float64(time.Hour) / (stretch * outward)),
	}
}

func (s Stability) assumed() bool { return s.Wander > 0 || s.Deviation > 0 }

const (
	// deviationSlew is how fast a rate bound that rests on Deviation gives way before the facts on
	// which it rests are an hour old, in units per nanosecond: 1 ppm per second. Bounds that give way
	// suddenly could not be published as lines that never go back.
	deviationSlew = 1e-6 / 1e9

	rateBuckets = 64

	// rateSlack is far above the rounding of the few operations on rates below, and far below a rate
	// that matters: 4 ns in an hour.
	rateSlack = 1e-12
)

// rates is what the fused facts of an epoch say about the rate of true time against the counter.
//
// # The rate from two facts
//
// A lower fact at p and a later upper fact at q bound the mean of r over [p, q] from above by
//
//	s = (U_q − L_p)/(q − p) − 1
//
// and the other way round from below. If r changes by at most w per second, then at c ≥ q it is at
// most s + w·(c − (p+q)/2), since the mean of a function whose slope is at most w is at least its
// value at c less w times the mean distance from c. If r stays within D of its mean it is at most s + D.
//
// # What is kept
//
// Every bound with w loses its worth at the same speed, so of all the pairs that there ever were one
// for each side is enough, and it is never forgotten. Pairs are made of each new fact with a ring of
// older ones: of each bucket of time the best upper and the best lower point. For D a pair counts
// while it is within an hour, so each bucket keeps the best pair that begins in it.
type rates struct {
	stability  Stability // as declared
	steadiness           // what follows for a counter of the present drift

	began   monotonic.Instant // when the first bucket ever was opened
	buckets []rateBucket      // the oldest first
	high    rateBound         // of r, from pairs and w
	low     rateBound
}

// rateBucket is the best fused points of one span of time.
type rateBucket struct {
	opened       monotonic.Instant
	upper, lower Point
	high, low    float64 // the least and the greatest mean rate over pairs that begin here
}

// rateBound is a bound of r at a moment. It moves outward by Wander for every second away from it.
type rateBound struct {
	rate float64
	at   monotonic.Instant
}

func newRates(s Stability, d Drift) rates {
	r := rates{stability: s, steadiness: s.steadiness(d)}
	if s.assumed() {
		r.buckets = make([]rateBucket, 0, rateBuckets)
	}
	r.forget()
	return r
}

// assume takes note of the counter's drift, if that is known better or is another counter's.
func (r *rates) assume(d Drift) { r.steadiness = r.stability.steadiness(d) }

// forget drops everything: the rate may have stepped.
func (r *rates) forget() {
	r.buckets = r.buckets[:0]
	r.high, r.low = rateBound{rate: math.Inf(1)}, rateBound{rate: math.Inf(-1)}
}

// learn takes in the fused interval at now, of a counter with a resolution.
func (r *rates) learn(now monotonic.Instant, lo, hi, resolution int64) {
	upper, lower := Point{now, hi}, Point{now, lo}
	for i := range r.buckets {
		b := &r.buckets[i]
		if mean, ok := meanAbove(b.lower, upper, resolution); ok {
			b.high = min(b.high, mean)
			if bound := mean + float64(r.wander*float64(now-b.lower.At)/2); r.wander > 0 && bound < r.high.rate+float64(r.wander*float64(now-r.high.at)) {
				r.high = rateBound{bound, now}
			}
		}
		if mean, ok := meanBelow(b.upper, lower, resolution); ok {
			b.low = max(b.low, mean)
			if bound := mean - float64(r.wander*float64(now-b.upper.At)/2); r.wander > 0 && bound > r.low.rate-float64(r.wander*float64(now-r.low.at)) {
				r.low = rateBound{bound, now}
			}
		}
	}
	r.insert(now, upper, lower)
}

// meanAbove bounds the mean rate between a lower fact and a later upper one. The lower one holds at
// its instant and the upper one a resolution after its own.
func meanAbove(from, to Point, resolution int64) (mean float64, ok bool) {
	span := int64(to.At-from.At) + resolution
	if span <= 0 || to.At <= from.At {
		return 0, false
	}
	return float64(to.Time-from.Time-span)/float64(span) + rateSlack, true
}

// meanBelow bounds the mean rate between an upper fact and a later lower one.
func meanBelow(from, to Point, resolution int64) (mean float64, ok bool) {
	span := int64(to.At-from.At) - resolution
	if span <= 0 {
		return 0, false
	}
	return float64(to.Time-from.Time-span)/float64(span) - rateSlack, true
}

// insert puts the points into the newest bucket, or opens another.
func (r *rates) insert(now monotonic.Instant, upper, lower Point) {
	if n := len(r.buckets); n > 0 && now-r.buckets[n-1].opened < r.bucketSpan(now, upper.Time-lower.Time) {
		b := &r.buckets[n-1]
		middle := r.middle()
		if drift := float64(middle * float64(now-b.upper.At)); float64(upper.Time-b.upper.Time-int64(now-b.upper.At)) <= drift {
			b.upper = upper
		}
		if drift := float64(middle * float64(now-b.lower.At)); float64(lower.Time-b.lower.Time-int64(now-b.lower.At)) >= drift {
			b.lower = lower
		}
		return
	}
	if len(r.buckets) == 0 {
		r.began = now
	}
	if len(r.buckets) == rateBuckets {
		copy(r.buckets, r.buckets[1:])
		r.buckets = r.buckets[:rateBuckets-1]
	}
	r.buckets = append(r.buckets, rateBucket{now, upper, lower, math.Inf(1), math.Inf(-1)})
}

// middle is a guess at the rate, to choose the better of two points. Any guess is sound.
func (r *rates) middle() float64 {
	if middle := (r.high.rate + r.low.rate) / 2; !math.IsNaN(middle) && !math.IsInf(middle, 0) {
		return middle
	}
	return 0
}

// bucketSpan is how much time a bucket covers. The best distance between two facts of uncertainty ε
// is 2·√(ε/w): the mean rate is uncertain by 2ε over the distance, and w times half the distance is
// added. The ring covers four of these; and the hour of D if that is all there is. While the rate is not
// known well, the better of two points is known only if they are close together, so the first
// buckets are shorter.
func (r *rates) bucketSpan(now monotonic.Instant, width int64) monotonic.Instant {
	longest := r.hour / (rateBuckets - 4)
	if r.wander == 0 {
		return longest
	}
	best := 2 * math.Sqrt(float64(width)/2/r.wander)
	return min(max(monotonic.Instant(4*best/rateBuckets), 1), (now-r.began)/(rateBuckets/2), longest)
}

// aroundMeans returns two upper bounds of r that rest on Deviation, at most limit: one that holds now
// and back to the beginning of the hour, and one that holds from now on and moves outward by
// deviationSlew. A lower bound of r is an upper one of −r.
func (r *rates) aroundMeans(now monotonic.Instant, limit float64, mean func(*rateBucket) float64) (present, coming float64) {
	present, coming = limit, math.Inf(-1)
	for i := len(r.buckets) - 1; i >= 0; i-- {
		b := &r.buckets[i]
		left := float64(b.opened + r.hour - now)
		if left <= 0 {
			break
		}
		// When this bucket is too old there will be only the newer ones, seen so far.
		coming = max(coming, present-float64(deviationSlew*left))
		present = min(present, mean(b)+r.deviation)
	}
	return present, max(coming, present)
}

// at returns what is known now about how true time moves.
func (r *rates) at(now monotonic.Instant, counter CounterSpec) motion {
	m := motion{CounterSpec: counter, now: now}
	if !r.stability.assumed() {
		return m
	}
	m.stable, m.steadiness = true, r.steadiness
	m.high, m.low = math.Inf(1), math.Inf(-1)
	if r.wander > 0 {
		// Readings stand for positions of the counter up to a resolution later, here and where the pairs
		// were made.
		unclear := 2 * float64(m.wander*float64(counter.Resolution))
		m.high = r.high.rate + float64(m.wander*float64(now-r.high.at)) + unclear
		m.low = r.low.rate - float64(m.wander*float64(now-r.low.at)) - unclear
	}
	m.steadyHigh, m.steadyLow, m.comingHigh, m.comingLow = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	if r.deviation > 0 {
		m.steadyHigh, m.comingHigh = r.aroundMeans(now, counter.Drift.fastRate(), func(b *rateBucket) float64 { return b.high })
		low, coming := r.aroundMeans(now, counter.Drift.slowRate(), func(b *rateBucket) float64 { return -b.low })
		m.steadyLow, m.comingLow = -low, -coming
	}
	return m
}
