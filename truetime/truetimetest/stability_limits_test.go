package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
)

// Oscillators that do exactly what A4 allows, in the unit in which it is declared: the rate dc/dT of the counter, per
// second of true time, at both ends of the declared drift. A clock that takes the numbers for those of dT/dc is wrong
// where the counter is slow.

// ramp holds a rate until a moment and then moves it at so many ppm per second, up to another.
func ramp(from, to, perSecond float64, begin time.Duration) Oscillator {
	return OscillatorFunc(func(elapsed time.Duration) float64 {
		if elapsed < begin {
			return from
		}
		way := perSecond * (elapsed - begin).Seconds()
		if from > to {
			return max(to, from-way)
		}
		return min(to, from+way)
	})
}

// steps jumps by so many ppm at each of some moments.
func steps(from, by float64, at ...time.Duration) Oscillator {
	return OscillatorFunc(func(elapsed time.Duration) float64 {
		rate := from
		for _, a := range at {
			if elapsed >= a {
				rate += by
			}
		}
		return rate
	})
}

// A clock learns the rate from a server that is right to the nanosecond. Then the server is silent, and the rate goes
// where it may.
func holdOver(t *testing.T, c MachineConfig, learn, silence time.Duration) {
	t.Helper()
	w := NewWorld(1)
	s := w.NewServer("s", Steady(0, 1))
	c.Sources = []Link{{Server: s}}
	c.Poll = 50 * time.Millisecond
	m := w.NewMachine("m", c)
	w.observe = func(m *Machine) { require.NoError(t, m.Check()) }
	w.Run(learn)
	s.Become(Dead())
	answers := 0
	for end := w.Elapsed() + silence; w.Elapsed() < end; {
		w.Run(time.Second)
		require.NoError(t, m.Check(), "%v without a sample", w.Elapsed()-learn)
		if _, err := m.Now(); err == nil {
			answers++
		}
	}
	require.EqualValues(t, 1, m.Status().Epoch, m.Status().Disruption)
	require.Positive(t, answers)
}

func TestTheRateMayWanderAsFastAsDeclaredAtBothEndsOfTheDrift(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	const learn = 5 * time.Minute
	for _, c := range []struct{ drift, within, wander float64 }{
		{200, 200, 100}, {200, 200, 1000}, {20, 20, 10}, {10_000, 9_900, 100}, {100_000, 95_000, 100}, {100_000, 100_000, 100_000},
	} {
		for _, from := range []float64{-c.within, c.within} {
			t.Run(fmt.Sprintf("drift %v ppm, wander %v ppb/s, from %+v ppm", c.drift, c.wander, from), func(t *testing.T) {
				t.Parallel()
				holdOver(t, MachineConfig{DriftPPM: c.drift, MaxWander: c.wander, Oscillator: ramp(from, -from, c.wander/1000, learn)}, learn, 30*time.Minute)
			})
		}
	}
}

func TestTheRateMayDeviateAsFarAsDeclaredAtBothEndsOfTheDrift(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	const learn = 5 * time.Minute
	for _, c := range []struct{ drift, deviation float64 }{{200, 20}, {200, 200}, {10_000, 20}, {100_000, 20}, {100_000, 200}} {
		for _, from := range []float64{-c.drift, c.drift} {
			t.Run(fmt.Sprintf("drift %v ppm, deviation %v ppm, from %+v ppm", c.drift, c.deviation, from), func(t *testing.T) {
				t.Parallel()
				by := c.deviation
				if from > 0 {
					by = -by
				}
				holdOver(t, MachineConfig{DriftPPM: c.drift, RateStability: c.deviation, Oscillator: steps(from, by, learn)}, learn, 40*time.Minute)
			})
		}
	}
}

// The hour over which the rate is compared is one of true time. The counter of a machine that is 10 % slow shows 54
// minutes then, and by the 60 that it shows later the rate may have moved twice.
func TestTheHourOfTheDeviationIsOneOfTrueTime(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	const first = 10 * time.Minute
	second := first + time.Hour + 2*oscillatorStep
	for _, from := range []float64{-100_000, 99_960} {
		t.Run(fmt.Sprintf("from %+v ppm", from), func(t *testing.T) {
			t.Parallel()
			holdOver(t, MachineConfig{DriftPPM: 100_000, RateStability: 20, Oscillator: steps(from, 20, first, second)}, second-2*oscillatorStep, 10*time.Minute)
		})
	}
}

// Both assumptions at once, with samples that come and go, and the rate turning around again and again.
func TestTheRateMayTurnAroundAtTheLimits(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for seed := range uint64(8) {
		w := NewWorld(seed)
		s := w.NewServer("s", Honest(1))
		drift := []float64{200, 100_000}[seed%2]
		wander := 0.1
		swing := Sum(Constant(5-drift), Wandering(wander, 5))
		if seed%4 >= 2 {
			swing = Sum(Constant(drift-5), Wandering(wander, 5))
		}
		m := w.NewMachine("m", MachineConfig{
			Sources: []Link{{Server: s}}, DriftPPM: drift, Oscillator: swing,
			Poll: time.Second, MaxWander: 1000 * wander, RateStability: 10,
		})
		w.observe = func(m *Machine) { require.NoError(t, m.Check()) }
		for range 40 {
			w.Run(time.Minute)
			m.Cut(s, time.Duration(w.Rand().Int64N(int64(20*time.Minute))))
			for range 30 {
				w.Run(time.Duration(w.Rand().Int64N(int64(time.Minute))))
				require.NoError(t, m.Check())
			}
		}
		require.EqualValues(t, 1, m.Status().Epoch, m.Status().Disruption)
	}
}
