package adversary

import (
	"math"
	"math/rand/v2"
	"time"
)

// Limits of how true time runs beside the host's clock. They leave most of what a clock assumes by
// default (200 ppm) to the host's own oscillator, and most of 100 ppb/s to its own wander.
const (
	maxRatePPM   = 100
	swingPPM     = 0.2
	swingSeconds = 30 // of a whole swing: the rate changes by 42 ppb/s at most
)

// Truth is true time in a world.
type Truth struct {
	start time.Time // its wall clock reading is true, and its monotonic one carries it on
	rate  float64   // by how much true time runs faster than the host's clock, as a ratio
	swing float64   // how far the rate swings to and fro
}

// NewTruth begins now.
func NewTruth(rng *rand.Rand) Truth {
	return Truth{start: time.Now(), rate: (2*rng.Float64() - 1) * maxRatePPM * ppm, swing: swingPPM * ppm}
}

// Now returns true time. It never goes back.
func (t Truth) Now() time.Time { return t.start.Round(0).Add(t.Elapsed()) }

// Elapsed is for how long the world has lasted in true time.
func (t Truth) Elapsed() time.Duration {
	const omega = 2 * math.Pi / swingSeconds
	passed := time.Since(t.start)
	s := passed.Seconds()
	ahead := t.rate*s + t.swing*(1-math.Cos(omega*s))/omega
	return passed + time.Duration(ahead*float64(time.Second))
}
