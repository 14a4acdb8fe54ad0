package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// Offsets of 0, 2, 1 and 3 µs in four seconds: the slope is 0.8, and the residuals are −0.3, 0.9, −0.9 and 0.3.
func TestRegressionByHand(t *testing.T) {
	var samples []registered
	for i, µs := range []float64{0, 2, 1, 3} {
		samples = append(samples, registered{measurement: measurement{at: float64(i), offset: µs * 1e-6}})
	}
	l := regress(samples, []float64{1, 1, 1, 1})
	require.InDelta(t, 3, l.at, 0)
	require.InDelta(t, 0.8e-6, l.frequency, 1e-15)
	require.InDelta(t, 2.7e-6, l.offset, 1e-15)
	require.InDelta(t, math.Sqrt(1.8/2/5)*1e-6, l.frequencySD, 1e-15)
	require.InDelta(t, math.Sqrt(0.9/4+1.5*1.5*0.9/5)*1e-6, l.offsetSD, 1e-15)
	require.InDelta(t, 31.6*l.frequencySD, l.skew, 1e-15, "two degrees of freedom")
	require.Equal(t, 4, runs(samples, l))

	heavy := regress(append(samples, registered{measurement: measurement{at: 4, offset: 1}}), []float64{1, 1, 1, 1, 1e12})
	require.InDelta(t, l.frequency, heavy.frequency, 1e-10, "a sample of no weight changes nothing")
}

// The critical numbers at 5 % of tables of the test for equal numbers on both sides.
func TestTooFewRuns(t *testing.T) {
	for samples, runs := range map[int]int{3: 0, 7: 0, 8: 2, 10: 3, 12: 4, 20: 7, 128: 55} {
		require.Equal(t, runs, tooFewRuns(samples), samples)
	}
}

// Where the frequency changes, the line goes through the newer samples only, and never through fewer than six.
func TestRegisterDropsWhatIsNotOnTheLine(t *testing.T) {
	var r register
	offset := 0.0
	for i := range 200 {
		at := float64(i)
		if i >= 150 {
			offset += 20e-6 // a second
		}
		ripple := 1e-6 * float64(i%2)
		r.take(measurement{at: at, offset: offset + ripple, delay: 1e-3}, 1e-3)
		require.LessOrEqual(t, r.fresh(), registerSize)
		require.LessOrEqual(t, r.old, r.fresh())
		if i == 149 {
			require.Equal(t, registerSize, r.fresh())
			require.InDelta(t, 0, r.line.frequency, 1e-8)
		}
		if i > 10 {
			require.GreaterOrEqual(t, r.fresh(), fewestKept)
		}
	}
	require.InDelta(t, 20e-6, r.line.frequency, 0.5e-6)
	require.LessOrEqual(t, r.fresh(), 50+fewestKept)
}

// Four equal samples of one source with 1 ms each way: the line is exact, so what is left is the delay, and
// 1 ppm from the middle of the last exchange on.
func TestChronyStatesDelayAndOnePPM(t *testing.T) {
	r := newChrony(1)
	for second := range 4 {
		_, ok := r.at(monotonic.Instant(time.Second))
		require.Equal(t, second > 2, ok, "three samples make a line")
		r.take(0, exchange(monotonic.Instant(time.Duration(second+1)*time.Second), ms))
	}
	require.InDelta(t, ms+1, epsOf(t, r, 4*time.Second), 10)
	require.InDelta(t, ms+10*time.Microsecond, epsOf(t, r, 14*time.Second), 20)
}

// Two of three sources are in the region of greatest depth; the third is not combined, however near it is.
func TestChronyLeavesAFalsetickerOut(t *testing.T) {
	r := newChrony(3)
	for second := range 6 {
		at := monotonic.Instant(time.Duration(second+1) * time.Second)
		r.take(0, exchange(at, 2*ms))
		r.take(1, exchange(at, ms))
		r.take(2, shifted(exchange(at, ms/10), 20*ms))
	}
	require.InDelta(t, ms, epsOf(t, r, 6*time.Second), 20_000)
	require.Equal(t, 1, r.(*chrony).selected)
}

func TestChronyWithoutAMajorityIsNotSynchronized(t *testing.T) {
	r := newChrony(2)
	for second := range 6 {
		at := monotonic.Instant(time.Duration(second+1) * time.Second)
		r.take(0, exchange(at, ms))
		r.take(1, shifted(exchange(at, ms), time.Hour))
	}
	_, ok := r.at(monotonic.Instant(6 * time.Second))
	require.False(t, ok)
}

func shifted(s truetime.Sample, d time.Duration) truetime.Sample {
	s.Latest, s.Earliest = s.Latest.Add(d), s.Earliest.Add(d)
	return s
}
