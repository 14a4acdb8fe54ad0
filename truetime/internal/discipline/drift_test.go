package discipline

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/monotonic"
)

// 200 ppm declared is 200.04 ppm extrapolated. After 10⁹ s the two differ by 40 s.
func TestDriftIsRhoOverOneMinusRho(t *testing.T) {
	d := NewDrift(200_000)
	require.Equal(t, int64(200_041), grow(billion, d.fast), "⌊10⁹ · 0.0002/0.9998⌋ + 1")
	require.Equal(t, int64(200_040_008_001_601), grow(billion*billion, d.fast), "⌊10¹⁸ · 0.0002/0.9998⌋ + 1")
}

func TestADriftInPartsPerMillionIsRoundedUp(t *testing.T) {
	require.Equal(t, NewDrift(1), DriftOfPPM(1e-9))
	require.Equal(t, NewDrift(200_000), DriftOfPPM(200))
	require.Equal(t, NewDrift(200_001), DriftOfPPM(200.0001))
	require.Equal(t, NewDrift(200_001), DriftOfPPM(math.Nextafter(200, 201)))
	rapid.Check(t, func(t *rapid.T) {
		ppm := rapid.Float64Range(1e-9, MaxDriftPPB/1000).Draw(t, "ppm")
		least := NewDrift(uint64(ppm * 1000)) // may be below or above by the rounding of the product
		got := DriftOfPPM(ppm)
		require.GreaterOrEqual(t, got.fast, least.fast)
		exact := new(big.Rat).Mul(new(big.Rat).SetFloat64(ppm), big.NewRat(1000, 1))
		rho := new(big.Rat).Quo(exact, new(big.Rat).Sub(big.NewRat(billion, 1), exact))
		rho.Mul(rho, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 64)))
		require.GreaterOrEqual(t, new(big.Rat).SetInt(new(big.Int).SetUint64(got.fast)).Cmp(rho), 0)
	})
}

// grow is never below the exact value and never more than 1 ns above it.
func TestGrowRoundsUpByAtMostOneNanosecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ppb := rapid.Uint64Range(1, MaxDriftPPB).Draw(t, "ppb")
		span := rapid.Int64Range(0, math.MaxInt64).Draw(t, "span")
		exact := new(big.Rat).Mul(big.NewRat(int64(ppb), billion-int64(ppb)), new(big.Rat).SetInt64(span))
		got := grow(span, NewDrift(ppb).fast)
		require.GreaterOrEqual(t, new(big.Rat).SetInt64(got).Cmp(exact), 0)
		require.LessOrEqual(t, new(big.Rat).SetInt64(got-2).Cmp(exact), 0, "1 ns, and what rounding ρ' up adds over 292 years")
	})
}

// A counter that is known to run 15 ppm fast against one that is within 200 ppm of true time.
func TestScaledDriftMovesWithTheRateOfTheCounter(t *testing.T) {
	rho := NewDrift(200_000)
	require.InDelta(t, 215e-6, rho.Scaled(15e-6, 15e-6).slowRate(), 1e-7)
	require.InDelta(t, 185e-6, rho.Scaled(15e-6, 15e-6).fastRate(), 1e-7)
	require.InDelta(t, 220e-6, rho.Scaled(-10e-6, 20e-6).slowRate(), 1e-7)
	require.InDelta(t, 210e-6, rho.Scaled(-10e-6, 20e-6).fastRate(), 1e-7)
	require.Zero(t, NewDrift(1000).Scaled(15e-6, 15e-6).fast, "never on the other side of 1")
}

// Scaled is never narrower than the exact quotient.
func TestScaledDriftRoundsOutward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDrift(rapid.Uint64Range(1, MaxDriftPPB).Draw(t, "ppb"))
		low := rapid.Float64Range(-0.01, 0.01).Draw(t, "low")
		high := rapid.Float64Range(low, 0.01).Draw(t, "high")
		got := d.Scaled(low, high)

		one := big.NewRat(1, 1)
		two64 := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 64))
		rate := func(fraction uint64) *big.Rat {
			return new(big.Rat).Quo(new(big.Rat).SetInt(new(big.Int).SetUint64(fraction)), two64)
		}
		exactly := func(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }
		slowest := new(big.Rat).Quo(new(big.Rat).Sub(one, rate(d.slow)), new(big.Rat).Add(one, exactly(high)))
		fastest := new(big.Rat).Quo(new(big.Rat).Add(one, rate(d.fast)), new(big.Rat).Add(one, exactly(low)))
		require.LessOrEqual(t, new(big.Rat).Sub(one, rate(got.slow)).Cmp(slowest), 0)
		require.GreaterOrEqual(t, new(big.Rat).Add(one, rate(got.fast)).Cmp(fastest), 0)
	})
}

func TestBoundsMoveOutwardInBothDirections(t *testing.T) {
	d := CounterSpec{Drift: NewDrift(200_000)}
	f := Facts{Upper: Point{At: 0, Time: 1000}, Lower: Point{At: 0, Time: 500}}

	later := f.At(1_000_000, d)
	require.Equal(t, int64(1_001_000+201), later.Hi, "forwards: at most 1+ρ' per unit, rounded up")
	require.Equal(t, int64(1_000_500-201), later.Lo, "forwards: at least 1−ρ' per unit, rounded down")

	d.Resolution = 3
	require.Equal(t, Facts{Upper: Point{0, 1000 + 4}, Lower: Point{0, 500 - 4}, Delay: 8}, d.covering(f), "once, by what true time may gain over the resolution")
	require.Equal(t, later, f.At(1_000_000, d))
	d.Resolution = 0

	earlier := f.At(-1_000_000, d)
	require.Equal(t, int64(-999_000+201), earlier.Hi, "backwards: at least 1−ρ' per unit, rounded up")
	require.Equal(t, int64(-999_500-201), earlier.Lo, "backwards: at most 1+ρ' per unit, rounded down")
}

func TestBoundsAtTheEndsOfTimeStayOutward(t *testing.T) {
	d := CounterSpec{Drift: NewDrift(MaxDriftPPB), Resolution: 2}
	for _, at := range []monotonic.Instant{math.MinInt64, -1, 0, 1, math.MaxInt64} {
		for _, to := range []monotonic.Instant{math.MinInt64, -1, 0, 1, math.MaxInt64} {
			b := Facts{Upper: Point{at, math.MaxInt64 - 1}, Lower: Point{at, math.MinInt64 + 1}}.At(to, d)
			require.LessOrEqual(t, b.Lo, b.Hi, "at %d to %d", at, to)
		}
	}
}

// A counter that is out of its drift is refused for good after a few short epochs, and taken back
// once an epoch has lasted.
func TestCounterOutOfItsDriftBecomesFaultyAndRecovers(t *testing.T) {
	n := newNetwork(t, 1, 0, 1, 2)
	const excess = 1000 // ns per ms: 1000 ppm
	step := 0
	for ; !n.CounterFaulty(); step++ {
		require.Less(t, step, 10_000, "1000 ppm must be noticed")
		now := at(float64(step+1) / 10)
		n.sample(step%3, now, int64(step)*100*excess)
	}
	wrong := int64(step) * 100 * excess
	require.Greater(t, n.Epoch(), uint64(maxBriefEpochs))

	recovered := 0
	for ; n.CounterFaulty(); recovered++ {
		require.Less(t, recovered, 10_000)
		step++
		n.sample(step%3, at(float64(step+1)/10), wrong)
	}
	require.GreaterOrEqual(t, float64(recovered)/10, briefSpan.Seconds())

	n.Disrupt(at(float64(step+2)/10), Counter, "suspended")
	require.False(t, n.CounterFaulty(), "an epoch has lasted, so what was before it is forgiven")
}

// The kernel falls back to a clocksource of 3.6 MHz: from then on a reading may be 282 ns behind.
func TestRescaleTakesTheResolutionOfAnotherCounter(t *testing.T) {
	n := newNetwork(t, 0, 0)
	n.sample(0, at(1), 0)
	before := n.requireTruthWithin(at(1))
	n.Disrupt(at(2), Counter, "another clocksource")
	n.SetCounter(CounterSpec{Drift: NewDrift(200_000), Resolution: 282})
	n.sample(0, at(3), 0)
	after := n.requireTruthWithin(at(3))
	require.Greater(t, after.Hi-after.Lo, before.Hi-before.Lo+2*281)
}

func TestRateOfTheEpochContainsTheTrueRateAndNarrows(t *testing.T) {
	n := newNetwork(t, 0, 0)
	low, high := n.Rate(0)
	require.InDelta(t, -200.04, low, 0.01)
	require.InDelta(t, 200.04, high, 0.01)
	for s := 1; s <= 1000; s++ {
		n.sample(0, at(float64(s)), 0)
		low, high = n.Rate(at(float64(s)))
		require.LessOrEqual(t, low, 0.0)
		require.GreaterOrEqual(t, high, 0.0)
	}
	require.Less(t, high-low, 10.0, "4 ms wide over 1000 s")
}

// The counter is found to run 15 ppm fast, after it had been used for a while as 0 to 20 ppm fast.
func TestRescaleNarrowsThePastToo(t *testing.T) {
	n := newNetwork(t, 0, 0)
	rho := NewDrift(200_000)
	n.SetCounter(CounterSpec{Drift: rho.Scaled(0, 20e-6)})
	n.sample(0, at(1), 0)
	before := n.requireTruthWithin(at(101))
	n.SetCounter(CounterSpec{Drift: rho.Scaled(0, 1e-6)})
	after := n.requireTruthWithin(at(101))
	require.InEpsilon(t, 19e-6*100e9, float64(after.Lo-before.Lo), 1e-3, "Earliest is 19 ppm of 100 s later")
	require.Equal(t, before.Hi, after.Hi)
}
