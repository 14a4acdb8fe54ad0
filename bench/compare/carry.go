package main

import (
	"math/bits"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// drift is a declared bound of |dc/dT − 1|, in parts per billion.
type drift uint64

const (
	spanner drift = 200_000 // OSDI 2012, section 3: 200 µs/s
	amazon  drift = 50_000  // see clockBound
)

// growth is by how much true time may leave the counter over a span ≥ 0, rounded up. dT/dc is at most
// 1/(1−ρ), so it is ρ/(1−ρ) of the span.
func (d drift) growth(span time.Duration) time.Duration {
	if span <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(span), uint64(d))
	grown, _ := bits.Div64(hi, lo, uint64(1_000_000_000-d))
	return time.Duration(grown) + 1
}

// band is an interval that is known at one moment of the counter and widens from there on.
type band struct {
	at monotonic.Instant
	truetime.Interval
}

// carry returns the interval at c, which is not before the band.
func (b band) carry(c monotonic.Instant, d drift) truetime.Interval {
	span := c.Sub(b.at)
	grown := d.growth(span)
	return truetime.Interval{Earliest: b.Earliest.Add(span - grown), Latest: b.Latest.Add(span + grown)}
}

// resolution is what a counter that is read to the nanosecond hides, rounded up with the drift.
const resolution = 2 * time.Nanosecond

// arrived is what a sample says at the moment when it was received. It reports false if the sample
// contradicts itself, which every rule here rejects, as every one of their authors' programs does.
func arrived(s truetime.Sample, d drift) (band, bool) {
	earliest := s.Earliest.Add(-resolution)
	latest := band{s.Sent, truetime.Interval{Latest: s.Latest.Add(resolution)}}.carry(s.Received, d).Latest
	return band{s.Received, truetime.Interval{Earliest: earliest, Latest: latest}}, earliest <= latest
}

// carrySample is a sample at a later moment c. Each of its two facts is carried from its own.
func carrySample(s truetime.Sample, c monotonic.Instant, d drift) truetime.Interval {
	upper := band{s.Sent, truetime.Interval{Latest: s.Latest.Add(resolution)}}
	lower := band{s.Received, truetime.Interval{Earliest: s.Earliest.Add(-resolution)}}
	return truetime.Interval{Earliest: lower.carry(c, d).Earliest, Latest: upper.carry(c, d).Latest}
}
