package adversary

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
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
	start   time.Time // its wall clock reading is true
	counter monotonic.Counter
	begun   monotonic.Instant // of the counter, which carries it on: Go's own clock moves by milliseconds at a time on Windows
	rate    float64           // by how much true time runs faster than the host's clock, as a ratio
	swing   float64           // how far the rate swings to and fro
}

// NewTruth begins now. The error is of a machine without a counter that nobody slews.
func NewTruth(rng *rand.Rand) (Truth, error) {
	counter, err := monotonic.Raw()
	if err != nil {
		return Truth{}, err
	}
	return Truth{
		start: time.Now(), counter: counter, begun: counter.Now(),
		rate: (2*rng.Float64() - 1) * maxRatePPM * ppm, swing: swingPPM * ppm,
	}, nil
}

// Now returns true time. It never goes back.
func (t Truth) Now() time.Time { return t.start.Round(0).Add(t.Elapsed()) }

// Elapsed is for how long the world has lasted in true time.
func (t Truth) Elapsed() time.Duration {
	const omega = 2 * math.Pi / swingSeconds
	passed := time.Duration(t.counter.Now() - t.begun)
	s := passed.Seconds()
	ahead := t.rate*s + t.swing*(1-math.Cos(omega*s))/omega
	return passed + time.Duration(ahead*float64(time.Second))
}
