package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func TestKalmanByHand(t *testing.T) {
	k := kalman{offset: 1, frequency: 2, p00: 1, p01: 0.5, p11: 1}.progress(2, 3)
	require.Equal(t, kalman{at: 2, offset: 5, frequency: 2, p00: 1 + 2 + 4 + 8, p01: 0.5 + 2 + 6, p11: 1 + 6}, k)

	k = kalman{p00: 4, p01: 2, p11: 3}
	likely, weight := k.absorb(8, 4)
	require.Equal(t, kalman{offset: 4, frequency: 2, p00: 2, p01: 1, p11: 2.5}, k)
	require.InDelta(t, math.Erfc(2), likely, 1e-12, "8 is 2√2 standard deviations")
	require.InDelta(t, 0.5, weight, 0)

	k = kalman{p00: 2e-6, p11: 1e-12}.merge(kalman{offset: 1e-3, p00: 2e-6, p11: 1e-12})
	require.InDelta(t, 0.5e-3, k.offset, 1e-12, "combiner.rs, test_multiple")
	require.InDelta(t, 1e-6, k.p00, 1e-15)
	require.InDelta(t, 0.5e-12, k.p11, 1e-20)

	k = kalman{p00: 3, p01: 1, p11: 2}.merge(kalman{offset: 5, frequency: 5, p00: 2, p01: 0, p11: 3})
	// The sum is [5 1; 1 5], its inverse [5 −1; −1 5]/24, and what is gained [14 2; 3 9]/24.
	require.InDelta(t, 5*(14.0+2)/24, k.offset, 1e-12)
	require.InDelta(t, 5*(3.0+9)/24, k.frequency, 1e-12)
	require.InDelta(t, 14.0*2/24, k.p00, 1e-12)
	require.InDelta(t, 2.0*3/24, k.p01, 1e-12)
	require.InDelta(t, 9.0*3/24, k.p11, 1e-12)
}

// claiming is an exchange with a server that claims an error.
func claiming(at monotonic.Instant, delay, claim time.Duration) truetime.Sample {
	s := exchange(at, delay)
	s.Claim, s.Latest, s.Earliest = claim, s.Latest.Add(claim), s.Earliest.Add(-claim)
	return s
}

// Three servers claim 30 µs each. What is said of the clock is 30/√3, as if their errors were independent; they may be one
// and the same.
func TestNTPDRSAddsVariances(t *testing.T) {
	r := newNTPDRS(3)
	at := func(second int) monotonic.Instant { return monotonic.Instant(time.Duration(second) * time.Second) }
	for second := 1; second <= 9; second++ {
		for source := range 3 {
			_, ok := r.at(at(second))
			require.False(t, ok, "from the ninth sample of the third source on")
			r.take(source, claiming(at(second), ms, 30*time.Microsecond))
		}
	}
	i, ok := r.at(at(9))
	require.True(t, ok)
	require.InDelta(t, float64(ms)+30e3/math.Sqrt(3), float64(i.Uncertainty()), 20)
}

func TestNTPDRSTakesThreeThatMeet(t *testing.T) {
	r := newNTPDRS(4)
	for second := 1; second <= 12; second++ {
		at := monotonic.Instant(time.Duration(second) * time.Second)
		for source := range 3 {
			r.take(source, claiming(at, ms, 30*time.Microsecond))
		}
		r.take(3, shifted(claiming(at, ms/10, time.Microsecond), 20*ms))
	}
	require.InDelta(t, ms, epsOf(t, r, 12*time.Second), 30_000)
}

func TestWanderIsLearnt(t *testing.T) {
	f := filtered{wander: 1}
	for range precisionScore {
		f.learn(0.9, 0.5)
	}
	require.InDelta(t, 0.25, f.wander, 0, "what is measured is nearer than by chance")
	for range precisionScore {
		f.learn(0.1, 0.5)
	}
	require.InDelta(t, 1, f.wander, 0)
	for range precisionScore {
		f.learn(0.9, 0.05)
	}
	require.InDelta(t, 1, f.wander, 0, "it is the noise that was measured")
}
