package saturated

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// nearest is the int64 nearest to an exact result.
func nearest(exact *big.Int) int64 {
	switch {
	case exact.Cmp(big.NewInt(math.MaxInt64)) > 0:
		return math.MaxInt64
	case exact.Cmp(big.NewInt(math.MinInt64)) < 0:
		return math.MinInt64
	}
	return exact.Int64()
}

func TestArithmeticEqualsExactArithmeticWithinRange(t *testing.T) {
	ends := []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64}
	value := rapid.OneOf(rapid.SampledFrom(ends), rapid.Int64())
	rapid.Check(t, func(t *rapid.T) {
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		x, y := big.NewInt(a), big.NewInt(b)
		require.Equal(t, nearest(new(big.Int).Add(x, y)), Add(a, b))
		require.Equal(t, nearest(new(big.Int).Sub(x, y)), Sub(a, b))
		require.Equal(t, nearest(new(big.Int).Abs(x)), Abs(a))
	})
}
