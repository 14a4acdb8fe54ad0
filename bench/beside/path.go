package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// path is how long a datagram takes one way: at least Least, at most Most, and anything in between is as likely.
type path struct{ Least, Most time.Duration }

func (p path) draw(random *rand.Rand) time.Duration {
	return p.Least + time.Duration(random.Float64()*float64(p.Most-p.Least))
}

// String is the round trip, as in "0.8 to 1.2 ms".
func (p path) String() string {
	if p.Least == p.Most {
		return fmt.Sprintf("%g ms", milliseconds(2*p.Least))
	}
	return fmt.Sprintf("%g to %g ms", milliseconds(2*p.Least), milliseconds(2*p.Most))
}

// median is that of the round trip.
func (p path) median() time.Duration { return p.Least + p.Most }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
