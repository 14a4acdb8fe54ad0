package discipline

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

// 200 ppm declared is 200.04 ppm extrapolated. After 10⁹ s the two differ by 40 s.
func TestDriftIsRhoOverOneMinusRho(t *testing.T) {
	d := NewDrift(200_000)
	require.Equal(t, int64(200_041), grow(billion, d.fast), "⌊10⁹ · 0.0002/0.9998⌋ + 1")
	require.Equal(t, int64(200_040_008_001_601), grow(billion*billion, d.fast), "⌊10¹⁸ · 0.0002/0.9998⌋ + 1")
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
	d := Scale{Drift: NewDrift(200_000)}
	f := Facts{Upper: Point{At: 0, Time: 1000}, Lower: Point{At: 0, Time: 500}}

	later := f.At(1_000_000, d)
	require.Equal(t, int64(1_001_000+201), later.Hi, "forwards: at most 1+ρ' per unit, rounded up")
	require.Equal(t, int64(1_000_500-201), later.Lo, "forwards: at least 1−ρ' per unit, rounded down")

	d.Resolution = 3
	require.Equal(t, int64(1_001_000+201+3), f.At(1_000_000, d).Hi, "and by the resolution of the counter")
	require.Equal(t, int64(1_000_500-201-3), f.At(1_000_000, d).Lo)
	d.Resolution = 0

	earlier := f.At(-1_000_000, d)
	require.Equal(t, int64(-999_000+201), earlier.Hi, "backwards: at least 1−ρ' per unit, rounded up")
	require.Equal(t, int64(-999_500-201), earlier.Lo, "backwards: at most 1+ρ' per unit, rounded down")
}

func TestBoundsAtTheEndsOfTimeStayOutward(t *testing.T) {
	d := Scale{Drift: NewDrift(MaxDriftPPB), Resolution: 2}
	for _, at := range []monotonic.Instant{math.MinInt64, -1, 0, 1, math.MaxInt64} {
		for _, to := range []monotonic.Instant{math.MinInt64, -1, 0, 1, math.MaxInt64} {
			b := Facts{Point{at, math.MaxInt64 - 1}, Point{at, math.MinInt64 + 1}}.At(to, d)
			require.LessOrEqual(t, b.Lo, b.Hi, "at %d to %d", at, to)
		}
	}
}

// Ahead is the same line as Bounds, only faster.
func TestAheadEqualsAtForAsLongAsItMayBeUsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := monotonic.Instant(rapid.Int64Range(0, 1<<61).Draw(t, "now"))
		point := func(label string) Point {
			return Point{now - monotonic.Instant(rapid.Int64Range(0, int64(now)).Draw(t, label+" age")), rapid.Int64Range(0, 1<<62).Draw(t, label)}
		}
		b := Bounds{Facts{point("upper"), point("lower")}, Scale{
			Drift:      NewDrift(rapid.Uint64Range(1, MaxDriftPPB).Draw(t, "ppb")).Scaled(-20e-6, 30e-6),
			Resolution: rapid.Int64Range(0, 1000).Draw(t, "resolution"),
		}}
		ahead, ok := b.Ahead(now)
		require.True(t, ok)
		c := now + monotonic.Instant(rapid.OneOf(rapid.Int64Range(0, 1e10), rapid.Int64Range(0, AheadSpan)).Draw(t, "later"))
		lower, upper := ahead.At(c)
		require.Equal(t, b.At(c), agreement.Interval{Lo: lower, Hi: upper})
	})
}

func TestAheadRefusesWhatMightOverflow(t *testing.T) {
	good := Facts{Point{10, 10}, Point{10, 10}}
	_, ok := (&Bounds{Facts: good}).Ahead(10)
	require.True(t, ok)
	for _, b := range []Facts{
		{Point{11, 10}, Point{10, 10}},
		{Point{10, 10}, Point{11, 10}},
		{Point{10, math.MaxInt64}, Point{10, 10}},
		{Point{10, 10}, Point{10, math.MinInt64}},
		{Point{math.MinInt64, 10}, Point{10, 10}},
	} {
		_, ok := (&Bounds{Facts: b}).Ahead(10)
		require.False(t, ok, "%v", b)
	}
	_, ok = (&Bounds{Facts: good}).Ahead(math.MaxInt64)
	require.False(t, ok)
}
