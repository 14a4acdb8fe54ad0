package truetimetest

import (
	"math"
	"math/rand/v2"
	"time"
)

// Oscillator is what drives a machine's counter. Rate returns by how much the counter runs fast at a
// moment, in parts per million of true time: dc/dT − 1. The world asks for it at rising moments,
// a second apart or closer, and lets the rate run straight from each to the next.
//
// An oscillator belongs to one machine. rng is the machine's own.
type Oscillator interface {
	Rate(elapsed time.Duration, rng *rand.Rand) (ppm float64)
}

// oscillatorStep is the time between two questions for an oscillator's rate.
const oscillatorStep = time.Second

// OscillatorFunc is an Oscillator that is a function of time.
type OscillatorFunc func(elapsed time.Duration) (ppm float64)

// Rate calls the function.
func (f OscillatorFunc) Rate(elapsed time.Duration, _ *rand.Rand) float64 { return f(elapsed) }

// Constant runs fast by ppm, always.
func Constant(ppm float64) Oscillator {
	return OscillatorFunc(func(time.Duration) float64 { return ppm })
}

// Sinusoid swings by amplitude around mean, as in a room whose air conditioning switches on and off.
// Its wander is 2π·amplitude/period.
func Sinusoid(mean, amplitude float64, period time.Duration) Oscillator {
	return OscillatorFunc(func(elapsed time.Duration) float64 {
		return mean + amplitude*math.Sin(2*math.Pi*elapsed.Seconds()/period.Seconds())
	})
}

// RandomWalk begins at ppm and moves by up to wander, in ppm per second, either way, but never
// further than limit from 0.
func RandomWalk(ppm, wander, limit float64) Oscillator {
	return &randomWalk{rate: ppm, wander: wander, limit: limit}
}

type randomWalk struct {
	rate, wander, limit float64
	last                time.Duration
}

func (o *randomWalk) Rate(elapsed time.Duration, rng *rand.Rand) float64 {
	reach := o.wander * (elapsed - o.last).Seconds()
	o.last = elapsed
	o.rate = min(max(o.rate+reach*(2*rng.Float64()-1), -o.limit), o.limit)
	return o.rate
}

// Wandering moves at exactly wander, in ppm per second, now up and now down, between ±limit: the worst
// that a declared wander allows.
func Wandering(wander, limit float64) Oscillator {
	return &wandering{wander: wander, limit: limit}
}

type wandering struct {
	rate, wander, limit float64
	last                time.Duration
}

func (o *wandering) Rate(elapsed time.Duration, rng *rand.Rand) float64 {
	reach := o.wander * (elapsed - o.last).Seconds()
	o.last = elapsed
	if rng.IntN(30) == 0 || math.Abs(o.rate+reach) > o.limit {
		o.wander, reach = -o.wander, -reach
	}
	o.rate = min(max(o.rate+reach, -o.limit), o.limit)
	return o.rate
}

// Thermal moves between two rates every period, exponentially with the given time constant, as a
// crystal does beside a processor that is now busy and now idle.
func Thermal(cold, hot float64, period, constant time.Duration) Oscillator {
	o := &thermal{rate: cold, cold: cold, hot: hot, period: period, constant: constant}
	return o
}

type thermal struct {
	rate, cold, hot  float64
	period, constant time.Duration
	last             time.Duration
}

func (o *thermal) Rate(elapsed time.Duration, _ *rand.Rand) float64 {
	target := o.cold
	if elapsed/o.period%2 == 1 {
		target = o.hot
	}
	o.rate += (target - o.rate) * -math.Expm1(-(elapsed-o.last).Seconds()/o.constant.Seconds())
	o.last = elapsed
	return o.rate
}

// Extreme jumps between the ends of ±ppm and anywhere between them, at every step: the worst that a
// declared drift allows.
func Extreme(ppm float64) Oscillator { return extreme(ppm) }

type extreme float64

func (o extreme) Rate(_ time.Duration, rng *rand.Rand) float64 {
	switch rng.IntN(4) {
	case 0:
		return -float64(o)
	case 1:
		return float64(o)
	default:
		return float64(o) * (2*rng.Float64() - 1)
	}
}

// Sum adds up oscillators.
func Sum(all ...Oscillator) Oscillator { return sum(all) }

type sum []Oscillator

func (s sum) Rate(elapsed time.Duration, rng *rand.Rand) (ppm float64) {
	for _, o := range s {
		ppm += o.Rate(elapsed, rng)
	}
	return ppm
}

// counter is a machine's counter: an oscillator integrated exactly enough, to a picosecond, over
// segments on which its rate is a straight line.
type counter struct {
	oscillator Oscillator
	rng        *rand.Rand
	origin     int64 // what it read at the beginning, in nanoseconds
	tick       int64 // it advances in steps of so many nanoseconds

	stepped float64 // rate steps, in ppm, on top of the oscillator's

	begin     instant // of the present segment
	end       instant
	ahead     float64 // of true time at the beginning of the segment, in picoseconds
	rate      float64 // then, as a fraction
	slope     float64 // of the rate, per picosecond
	following float64 // the rate at the end of the segment
}

// reach brings the counter's segment to the moment now.
func (c *counter) reach(now instant) {
	for now >= c.end {
		length := float64(c.end - c.begin)
		c.ahead += c.rate*length + c.slope*length*length/2
		c.begin, c.end = c.end, c.end+after(oscillatorStep)
		c.rate = c.following
		c.draw()
	}
}

// draw asks for the rate at the end of the segment.
func (c *counter) draw() {
	c.following = (c.oscillator.Rate(time.Duration(c.end/nanosecond), c.rng) + c.stepped) * 1e-6
	c.slope = (c.following - c.rate) / float64(c.end-c.begin)
}

// start makes the first segment.
func (c *counter) start(now instant) {
	c.begin, c.end = now, now+after(oscillatorStep)
	c.rate = c.oscillator.Rate(time.Duration(now/nanosecond), c.rng) * 1e-6
	c.draw()
}

// cut ends the segment here, so that the rate may step.
func (c *counter) cut(now instant) {
	c.reach(now)
	length := float64(now - c.begin)
	c.ahead += c.rate*length + c.slope*length*length/2
	c.rate += c.slope * length
	c.begin, c.end = now, now+after(oscillatorStep)
}

// stepRate adds ppm to the rate from now on, at once.
func (c *counter) stepRate(now instant, ppm float64) {
	c.cut(now)
	c.stepped += ppm
	c.rate += ppm * 1e-6
	c.draw()
}

// read returns what the counter shows, in nanoseconds.
func (c *counter) read(now instant) int64 {
	c.reach(now)
	length := float64(now - c.begin)
	ahead := c.ahead + c.rate*length + c.slope*length*length/2
	ps := int64(now) + int64(math.Floor(ahead))
	ns := c.origin + floorDiv(ps, int64(nanosecond))
	return floorDiv(ns, c.tick) * c.tick
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
