package truetimetest

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What the oscillators promise about their rate and its slope, at every second of a day.
func TestOscillatorsStayWithinTheirBounds(t *testing.T) {
	w := NewWorld(3)
	for name, c := range map[string]struct {
		o               Oscillator
		low, high, most float64 // of the rate in ppm, and of its change in a second
	}{
		"constant":  {Constant(35), 35, 35, 0},
		"sinusoid":  {Sinusoid(10, 5, time.Hour), 5, 15, 0.00873},
		"walk":      {RandomWalk(0, 0.5, 20), -20, 20, 0.5},
		"wandering": {Wandering(0.1, 10), -10, 10, 0.1},
		"thermal":   {Thermal(-1, 3, 10*time.Minute, time.Minute), -1, 3, 0.067},
		"extreme":   {Extreme(200), -200, 200, 400},
		"sum":       {Sum(Constant(5), Wandering(0.1, 1)), 4, 6, 0.1},
	} {
		last := c.o.Rate(0, w.Rand())
		lowest, highest := last, last
		for s := 1; s <= 86_400; s++ {
			rate := c.o.Rate(time.Duration(s)*time.Second, w.Rand())
			if math.Abs(rate-last) > c.most*1.001+1e-12 {
				t.Fatalf("%s goes from %v to %v ppm at %d s", name, last, rate, s)
			}
			last, lowest, highest = rate, min(lowest, rate), max(highest, rate)
		}
		require.GreaterOrEqual(t, lowest, c.low, name)
		require.LessOrEqual(t, highest, c.high, name)
		require.InDelta(t, c.high-c.low, highest-lowest, 0.15*(c.high-c.low)+1e-9, "%s uses its range", name)
	}
}

// A day on a counter that runs 100 ppm fast and then, at once, 100 ppm slow.
func TestCounterIsItsOscillatorIntegrated(t *testing.T) {
	w := NewWorld(1)
	m := w.NewMachine("m", MachineConfig{Oscillator: Constant(100), Counter: 12345, Sources: []Link{{Server: w.NewServer("a", Dead())}}})
	require.EqualValues(t, 12345, m.Counter())
	w.Run(43_200 * time.Second)
	require.InDelta(t, 12345+43_200e9*1.0001, float64(m.Counter()), 1)
	m.StepRate(-200)
	w.Run(43_200 * time.Second)
	require.InDelta(t, 12345+86_400e9, float64(m.Counter()), 2)
	m.StepCounter(time.Second)
	require.InDelta(t, 12345+86_401e9, float64(m.Counter()), 2)
}
