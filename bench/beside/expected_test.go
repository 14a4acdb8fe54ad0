package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func usualConditions() conditions {
	return conditions{path: flat, poll: time.Second, drift: driftPPM, claim: 23 * time.Microsecond, settle: time.Minute, span: 30 * time.Second}
}

// The library on an ideal machine is as wide as expected. Where all samples are alike a simulated world has such a path.
func TestExpectationIsWhatTheClockReachesInAnIdealWorld(t *testing.T) {
	for name, change := range map[string]func(*conditions){
		"A1 to A3":      func(*conditions) {},
		"A4":            func(c *conditions) { c.wander = true },
		"shorter polls": func(c *conditions) { c.path, c.poll = shortest, time.Second/4 },
		"50 ppm":        func(c *conditions) { c.drift = 50 },
		"a longer path": func(c *conditions) { c.path = path{9 * time.Millisecond, 9 * time.Millisecond} },
		"a distance": func(c *conditions) {
			c.path, c.known = path{9 * time.Millisecond, 9 * time.Millisecond}, 3*time.Millisecond
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := usualConditions()
			change(&c)
			allowed, reached := expected(c).sum(), simulated(c, 40)
			require.InEpsilon(t, reached, allowed, 0.02, "allowed %v, reached %v in simulated worlds", allowed, reached)
		})
	}
}

// simulated is the mean ε of clocks in worlds of these conditions, which have the seeds from 1.
func simulated(c conditions, worlds uint64) time.Duration {
	var sum time.Duration
	reads := 0
	for seed := range worlds {
		w := truetimetest.NewWorld(seed + 1)
		config := truetimetest.MachineConfig{Poll: c.poll, MaxPoll: c.poll, DriftPPM: c.drift}
		if c.wander {
			config.MaxWander = wanderPPB
		}
		for i := range serverCount {
			config.Sources = append(config.Sources, truetimetest.Link{
				Server: w.NewServer(fmt.Sprint(i), truetimetest.Steady(0, c.claim)), MinDelay: c.known,
				Path: truetimetest.Symmetric(truetimetest.Leg{Base: c.path.Least}),
			})
		}
		m := w.NewMachine("m", config)
		w.Run(c.settle)
		for end := w.Elapsed() + c.span; w.Elapsed() < end; w.Run(pause) {
			sum += m.Status().Uncertainty
			reads++
		}
	}
	return mean(sum, reads)
}

func TestExpectationOfKnownCases(t *testing.T) {
	c := usualConditions()
	f := expected(c)
	require.Equal(t, f, expected(c), "the same each time")
	require.Equal(t, flat.Least, f.Delay, "all ways are alike")
	require.Equal(t, c.claim, f.Claim)
	require.InDelta(t, 52.5, microseconds(f.Drift), 3, "a quarter of 1.05 s at 200 ppm, as two servers are asked at once and the others half a poll later")

	known := c
	known.known = 100 * time.Microsecond
	require.Equal(t, f.Delay-known.known, expected(known).Delay)
	require.Equal(t, f.Drift, expected(known).Drift)

	varied := c
	varied.path = wide // as long on average
	require.Less(t, expected(varied).sum(), f.sum(), "there are shorter ones, which are kept")
	require.Greater(t, expected(varied).Delay, wide.Least)
	varied.wander = true
	require.Less(t, expected(varied).Delay, expected(conditions{path: wide, poll: time.Second, drift: driftPPM, settle: c.settle, span: c.span}).Delay, "and kept for longer")
}

// 2ε/τ + wτ/2 is least at τ = 2·√(ε/w), if there is so much time.
func TestGrowthUnderABoundOnTheWander(t *testing.T) {
	c := usualConditions()
	require.InDelta(t, 200.04e-6, growth(c), 1e-9)
	c.wander, c.claim = true, 0
	c.settle = time.Hour
	require.InDelta(t, 14.14e-6, growth(c), 0.01e-6, "τ = 141 s")
	c.settle = time.Minute // and half the reads
	require.InDelta(t, 17.08e-6, growth(c), 0.01e-6, "τ = 75 s: 13.33 + 3.75")
	c.path = distant
	require.InDelta(t, 200.04e-6, growth(c), 1e-9, "that is too short for 18 ms")
}

func TestOneOfFourMayBeWrongSoTheSecondBestCounts(t *testing.T) {
	w := ideal{conditions: usualConditions(), growth: 1e-3}
	var e end
	_, ok := w.secondBest(&e, 0)
	require.False(t, ok, "nobody has answered")
	e.sources[2] = fact{3 * time.Millisecond, 0, true}
	_, ok = w.secondBest(&e, 0)
	require.False(t, ok, "one has")
	e.sources[0] = fact{4 * time.Millisecond, 2 * time.Second, true}
	e.sources[3] = fact{9 * time.Millisecond, 2 * time.Second, true}
	second, ok := w.secondBest(&e, 2*time.Second)
	require.True(t, ok)
	require.Equal(t, e.sources[2], second, "what took 3 ms has aged by 2 ms since")
}
