package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// One source with the samples of the regression by hand: with an unknown frequency all of the measured one is taken on, and with
// one that is known to 10 ppm some of it.
func TestClockIsSetByHand(t *testing.T) {
	r := newChrony(1).(*chrony)
	for i, µs := range []float64{0, 2, 1, 3} {
		r.sources[0].take(measurement{at: float64(i), offset: µs * 1e-6, delay: 1e-3, claim: 20e-6}, 0)
	}
	r.selected = 0
	r.set(4, r.survivors(4))
	c := r.clock
	offsetSD, skew := math.Sqrt(0.9/4+1.5*1.5*0.9/5)*1e-6, 31.6*math.Sqrt(0.9/5)*1e-6
	require.InDelta(t, 2.7e-6+0.8e-6, c.offset, 1e-12, "a second after the newest sample")
	require.InDelta(t, 0.8e-6, c.frequency, 1e-12)
	require.InDelta(t, 0, c.residual, 1e-12)
	require.InDelta(t, skew, c.skew, 1e-10, "of what it was a 6e-11th is left")
	require.InDelta(t, 3, c.reference, 0)
	require.InDelta(t, 1e-3, c.delay, 0)
	require.InDelta(t, 20e-6+quantum+offsetSD, c.dispersion, 1e-12)
	require.True(t, r.synced)
	require.InDelta(t, 0.5e-3+20e-6+quantum+2*skew, r.sources[0].candidate(5).distance, 1e-12)
	require.InDelta(t, 0.5e-3+20e-6+quantum+6*skew+3e-6, r.sources[0].candidate(9).distance, 1e-12, "1 ppm for 3 s: it has been silent for longer than its samples span")

	r.clock = steered{skew: 10e-6}
	r.set(4, r.survivors(4))
	gain := 3 * 100e-12 / (3*100e-12 + skew*skew)
	require.InDelta(t, 0.625, gain, 0.001)
	require.InDelta(t, gain*0.8e-6, r.clock.frequency, 1e-12)
	require.InDelta(t, (1-gain)*0.8e-6, r.clock.residual, 1e-12)
	require.InDelta(t, 10e-6+2.130e-6+0.387e-6, r.clock.skew, 2e-9)

	r.clock = steered{skew: noSkew}
	r.sources[0].line.skew = 2 * maxUpdateSkew
	r.set(4, r.survivors(4))
	require.Zero(t, r.clock.frequency, "it is not known well enough")
	require.InDelta(t, noSkew, r.clock.skew, 0)
}

// Offsets count by the inverse of the distance, frequencies by the inverse of their variance.
func TestCombinationByHand(t *testing.T) {
	r := newChrony(3).(*chrony)
	r.selected = 0
	r.sources[0].line = line{at: 5, offset: 1e-3, frequency: 1e-6, frequencySD: 1e-6, skew: 3e-6}
	r.sources[1].line = line{at: 5, offset: 2e-3, frequency: 6e-6, frequencySD: 2e-6, skew: 4e-6}
	r.sources[2].line = line{at: 5, offset: 9, frequency: 1e-6, frequencySD: 1e-6, skew: 1e-6}
	r.sources[2].heard = reachBits
	survivors := []*candidate{{distance: 1e-3}, {distance: 3e-3}, {distance: 3.4e-3}}
	l := r.combine(survivors)
	require.InDelta(t, 1.25e-3, l.offset, 1e-12)
	require.InDelta(t, 2e-6, l.frequency, 1e-15)
	require.InDelta(t, 2.4e-6, l.skew, 1e-15)
	require.Equal(t, distantPenalty, r.sources[2].distant, "it is more than three times as far away, and 0.1 ms")

	survivors[2].distance = 3e-3
	require.InDelta(t, 1.25e-3, r.combine(survivors).offset, 1e-12, "it has not been near for long enough")
	require.Equal(t, distantPenalty-1, r.sources[2].distant)

	r.sources[1].line.frequency = 26e-6
	require.InDelta(t, 1e-3, r.combine(survivors).offset, 1e-12, "25 ppm is more than three times 3, 4 and 1")
	require.Equal(t, 1, r.sources[1].distant, "it is new")
}

// Another source is 2.4 times as near, with 0.1 ms added. Three times over that is more than ten.
func TestAnotherSourceIsFollowedOnlyWhenItHasBeenNearerForLong(t *testing.T) {
	r := newChrony(2).(*chrony)
	for i, distance := range []float64{10e-3, 4e-3} {
		s := &r.sources[i]
		for at := range 4 {
			s.take(measurement{at: float64(at), delay: 2 * distance}, 0)
		}
	}
	r.selected = 0
	survivors := r.survivors(3)
	require.InDelta(t, 10e-3, survivors[0].distance, 1e-8)
	for round := range 3 {
		require.Equal(t, 0, r.selected, round)
		require.True(t, r.choose(1, survivors, 3))
	}
	require.Equal(t, 1, r.selected)
	r.sources[1].updates = 0
	require.False(t, r.choose(0, survivors, 3), "it has said nothing since")
}

// A source that is no longer heard is a candidate for as long as its newest sample is among those of the others.
func TestUnreachableSourceIsLeftOut(t *testing.T) {
	r := newChrony(2).(*chrony)
	for at := range 4 {
		r.sources[0].take(measurement{at: float64(at), delay: 1e-3}, 0)
	}
	for at := range 70 {
		r.sources[1].take(measurement{at: float64(at), delay: 1e-3}, 0)
		survivors := r.survivors(float64(at))
		if at < fewestInLine-1 {
			continue
		}
		require.NotNil(t, survivors[1])
		require.Equal(t, at < 3+registerSize, survivors[0] != nil, "at %d", at)
	}
}
