package truetimetest

import (
	"math"
	"math/rand/v2"
	"time"
)

// Path is the network between a machine and a server: one leg for each direction, because nothing
// says that they are alike.
type Path struct {
	There, Back Leg
}

// Leg is one direction of a path. The zero value delivers everything at once.
type Leg struct {
	Base   time.Duration // the delay that every datagram has
	Jitter time.Duration // median of what is added to it, log-normal with σ = 0.75: a long tail upwards
	Spread time.Duration // what is added to half of all datagrams at most, drawn at random from 0 on

	Loss      float64       // the probability that a datagram is lost
	Duplicate float64       // that it comes twice
	Reorder   float64       // that it is held back, by up to ReorderBy
	ReorderBy time.Duration //

	// Every so often the leg is congested for a while, which adds Queue to every delay. The phase is
	// the world's beginning.
	CongestedEvery, CongestedFor, Queue time.Duration
}

// Symmetric is a path with the same leg both ways.
func Symmetric(l Leg) Path { return Path{l, l} }

// LAN is a path of about 0.1 ms there and back.
func LAN() Path {
	return Symmetric(Leg{Base: 25 * time.Microsecond, Jitter: 25 * time.Microsecond})
}

// DataCenter is a path of about 1 ms there and back.
func DataCenter() Path {
	return Symmetric(Leg{Base: 300 * time.Microsecond, Jitter: 200 * time.Microsecond})
}

// Internet is a path of about 20 ms there and back, with another route each way, that loses one
// datagram in a hundred.
func Internet() Path {
	return Path{
		There: Leg{Base: 6 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.01},
		Back:  Leg{Base: 11 * time.Millisecond, Jitter: 2 * time.Millisecond, Loss: 0.01},
	}
}

// delay draws how long a datagram takes that is sent at now, and false if it is lost.
func (l *Leg) delay(now instant, rng *rand.Rand) (instant, bool) {
	if l.Loss > 0 && rng.Float64() < l.Loss {
		return 0, false
	}
	d := after(l.Base)
	if l.Jitter > 0 {
		d += instant(float64(after(l.Jitter)) * math.Exp(0.75*rng.NormFloat64()))
	}
	if l.Spread > 0 && rng.IntN(2) == 0 {
		d += instant(rng.Int64N(int64(after(l.Spread))))
	}
	if l.Reorder > 0 && rng.Float64() < l.Reorder {
		d += instant(rng.Int64N(int64(after(l.ReorderBy)) + 1))
	}
	if l.CongestedFor > 0 && now%after(l.CongestedEvery) < after(l.CongestedFor) {
		d += after(l.Queue)
	}
	return d, true
}
