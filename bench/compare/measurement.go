package main

import (
	"math"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// measurement is a sample as programs see it that estimate rather than bound: one offset, in the middle of
// the exchange. All is in seconds, counted from a zero.
type measurement struct {
	at     float64 // the counter, halfway between the request and the reply
	offset float64 // of the server's clock from the counter
	delay  float64 // there and back, without the time inside the server
	claim  float64 // the error that the server claims
}

// zero is what a rule counts from. It is near to all that the rule hears, so that a float64 has room for
// picoseconds.
type zero struct {
	counter monotonic.Instant
	time    truetime.Time
	set     bool
}

// measure turns a sample into a measurement. The first one sets the zero.
func (z *zero) measure(s truetime.Sample) measurement {
	if !z.set {
		*z = zero{s.Received, s.Earliest, true}
	}
	above := s.Latest.Sub(z.time) - s.Sent.Sub(z.counter)       // offset, way there and claim
	below := s.Earliest.Sub(z.time) - s.Received.Sub(z.counter) // offset, less the way back and the claim
	middle := s.Sent.Sub(z.counter) + s.Received.Sub(s.Sent)/2
	return measurement{
		at:     middle.Seconds(),
		offset: (above + below).Seconds() / 2,
		delay:  (above - below - 2*s.Claim).Seconds(),
		claim:  s.Claim.Seconds(),
	}
}

// seconds is the counter as the rule counts it.
func (z *zero) seconds(c monotonic.Instant) float64 { return c.Sub(z.counter).Seconds() }

// around is the interval of a clock that is off the counter by so much, and wrong by up to a bound.
func (z *zero) around(c monotonic.Instant, offset, bound float64) truetime.Interval {
	t := z.time.Add(c.Sub(z.counter))
	return truetime.Interval{
		Earliest: t.Add(time.Duration(math.Floor((offset - bound) * 1e9))),
		Latest:   t.Add(time.Duration(math.Ceil((offset + bound) * 1e9))),
	}
}
