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
	require.Equal(t, int64(200_041), d.grow(billion), "⌈10⁹ · 0.0002/0.9998⌉")
	require.Equal(t, int64(200_040_008_001_601), d.grow(billion*billion), "⌈10¹⁸ · 0.0002/0.9998⌉")
}

// grow is never below the exact value and never more than 1 ns above what rounding up needs.
func TestGrowRoundsUpAndNoFurther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ppb := rapid.Uint64Range(1, MaxDriftPPB).Draw(t, "ppb")
		span := rapid.Int64Range(0, math.MaxInt64).Draw(t, "span")
		exact := new(big.Rat).Mul(big.NewRat(int64(ppb), billion-int64(ppb)), new(big.Rat).SetInt64(span))
		got := NewDrift(ppb).grow(span)
		require.GreaterOrEqual(t, new(big.Rat).SetInt64(got).Cmp(exact), 0)
		require.Less(t, new(big.Rat).SetInt64(got-2).Cmp(exact), 0)
	})
}

func TestBoundsMoveOutwardInBothDirections(t *testing.T) {
	d := NewDrift(200_000)
	f := Facts{Upper: Point{At: 0, Time: 1000}, Lower: Point{At: 0, Time: 500}}

	later := f.At(1_000_000, d)
	require.Equal(t, int64(1_001_000+201), later.Hi, "forwards: at most 1+ρ' per unit, rounded up")
	require.Equal(t, int64(1_000_500-201), later.Lo, "forwards: at least 1−ρ' per unit, rounded down")

	earlier := f.At(-1_000_000, d)
	require.Equal(t, int64(-999_000+201), earlier.Hi, "backwards: at least 1−ρ' per unit, rounded up")
	require.Equal(t, int64(-999_500-201), earlier.Lo, "backwards: at most 1+ρ' per unit, rounded down")
}

func TestBoundsAtTheEndsOfTimeStayOutward(t *testing.T) {
	d := NewDrift(MaxDriftPPB)
	for _, at := range []monotonic.Instant{math.MinInt64, -1, 0, 1, math.MaxInt64} {
		for _, to := range []monotonic.Instant{math.MinInt64, -1, 0, 1, math.MaxInt64} {
			b := Facts{Point{at, math.MaxInt64 - 1}, Point{at, math.MinInt64 + 1}}.At(to, d)
			require.LessOrEqual(t, b.Lo, b.Hi, "at %d to %d", at, to)
		}
	}
}
