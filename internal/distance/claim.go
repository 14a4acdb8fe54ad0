package distance

import (
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

const (
	// lightSpeed is the speed of light in vacuum in m/s, by the definition of the metre.
	lightSpeed = 299_792_458

	// MaxKilometres is half of the Earth's circumference: nothing on the ground is farther away.
	MaxKilometres = 20_038

	// MaxDelay is more than two hops by a geostationary satellite take, and less than what the
	// engine keeps away from leap seconds: see the package comment.
	MaxDelay = time.Second
)

// Claim is what a user says of the way between a source and this host. The zero value says nothing.
type Claim struct {
	kilometres float64
	light      time.Duration // what light takes for them
	delay      time.Duration // as said itself
}

// SetDistance says that the source is at least so many kilometres away. If that is impossible the
// claim stays as it was.
func (c *Claim) SetDistance(kilometres float64) error {
	if !(kilometres > 0 && kilometres <= MaxKilometres) { // nor NaN
		return fmt.Errorf("distance of %v km: it must be above 0 and at most %d, half of the Earth's circumference", kilometres, MaxKilometres)
	}
	c.kilometres, c.light = kilometres, travel(kilometres)
	return nil
}

// SetMinDelay says that each message is under way for at least so long. If that is out of range the
// claim stays as it was.
func (c *Claim) SetMinDelay(d time.Duration) error {
	if d <= 0 || d > MaxDelay {
		return fmt.Errorf("minimum delay of %v: it must be above 0 and at most %v, and is that of one way", d, MaxDelay)
	}
	c.delay = d
	return nil
}

// travel is what light takes for a distance, rounded down. It is exact: a quotient of floating-point
// numbers may come out above the true one.
func travel(kilometres float64) time.Duration {
	d := new(big.Rat).SetFloat64(kilometres)
	d.Mul(d, big.NewRat(1e12, lightSpeed)) // 10³ m in a kilometre, 10⁹ ns in a second
	return time.Duration(new(big.Int).Quo(d.Num(), d.Denom()).Int64())
}

// MinDelay is m: what each message is under way at least. Both things that a user can say may be
// true at once, so the larger counts.
func (c Claim) MinDelay() time.Duration { return max(c.light, c.delay) }

// in is m as a source counts it that serves the given scale, rounded down.
func (c Claim) in(scale truetime.Scale) time.Duration {
	m := c.MinDelay()
	if scale == truetime.ScaleUTCSmeared {
		m -= (m + smearedDay) / (smearedDay + 1)
	}
	return m
}

// smearedDay is how many smeared seconds take one SI second more or less (see package leap).
const smearedDay = 86_400

// Within returns a mistake if no round trip can be both as the claim says and within a limit, which
// is none if it is not above 0.
func (c Claim) Within(maxDelay time.Duration) error {
	if m := c.MinDelay(); maxDelay > 0 && 2*m > maxDelay {
		return fmt.Errorf("%v: there and back takes %v at least, above the limit of %v that WithMaxDelay sets: no answer could be used", c, 2*m, maxDelay)
	}
	return nil
}

// String names the option that counts, with its value.
func (c Claim) String() string {
	switch {
	case c.MinDelay() == 0:
		return "no distance"
	case c.light >= c.delay:
		return fmt.Sprintf("WithDistance(%v)", c.kilometres)
	}
	return fmt.Sprintf("WithMinDelay(%v)", c.delay)
}

// disproof says why the claim is false if the two messages of an exchange took no longer than
// roundTrip together; nil if it may be true.
func (c Claim) disproof(roundTrip time.Duration) error {
	m := c.MinDelay()
	if roundTrip >= 2*m {
		return nil
	}
	roundTrip = max(roundTrip, 0) // of a counter that stood still it may be less
	fits := roundTrip / 2
	kilometres := math.Floor(float64(fits)*lightSpeed/1e11) / 10
	return fmt.Errorf("%w: %v is disproved: by it the round trip takes %v at least, and it took %v at most, "+
		"which WithDistance(%v) or WithMinDelay(%v) would fit: the server is nearer than declared, "+
		"or something nearer answers in its place, such as an anycast instance or a router that intercepts",
		truetime.ErrRetracted, c, 2*m, roundTrip, kilometres, fits)
}
