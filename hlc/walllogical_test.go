package hlc_test

import (
	"cmp"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/hlc"
)

// comparePairs is CockroachDB's order.
func comparePairs(wall1 int64, logical1 int32, wall2 int64, logical2 int32) int {
	return cmp.Or(cmp.Compare(wall1, wall2), cmp.Compare(logical1, logical2))
}

func TestConversionOfPairsNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wall1, logical1 := rapid.Int64Range(1, 50).Draw(t, "wall 1"), rapid.Int32Range(0, 3).Draw(t, "logical 1")
		wall2, logical2 := rapid.Int64Range(1, 50).Draw(t, "wall 2"), rapid.Int32Range(0, 3).Draw(t, "logical 2")
		one, err := hlc.FromWallLogical(wall1, logical1)
		if err != nil {
			t.Fatal(err)
		}
		two, err := hlc.FromWallLogical(wall2, logical2)
		if err != nil {
			t.Fatal(err)
		}
		if comparePairs(wall1, logical1, wall2, logical2) <= 0 && one > two {
			t.Fatalf("the order is lost: %v and %v", one, two)
		}
		wall, logical := one.WallLogical()
		if comparePairs(wall, logical, wall1, logical1) < 0 {
			t.Fatalf("(%d, %d) is before (%d, %d)", wall, logical, wall1, logical1)
		}
		wall, logical = (one - 1).WallLogical()
		if comparePairs(wall, logical, wall1, logical1) >= 0 {
			t.Fatalf("%v is not the smallest", one)
		}
	})
}

func TestATimestampSurvivesAsAPair(t *testing.T) {
	for _, want := range []hlc.Timestamp{1, 1767225600000000001, math.MaxInt64} {
		got, err := hlc.FromWallLogical(want.WallLogical())
		require.NoError(t, err)
		require.Equal(t, want, got)
		got, err = hlc.ParseDecimal(want.Decimal())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestDecimalsAreReadAsCockroachDBWritesThem(t *testing.T) {
	for text, want := range map[string]hlc.Timestamp{
		"1767225600000000000.0000000000": 1767225600000000000,
		"1767225600000000000.0000000001": 1767225600000000001,
		"1767225600000000000.2147483647": 1767225600000000001,
		"1767225600000000000.1":          1767225600000000001, // logical 1000000000
		"1767225600000000000":            1767225600000000000,
	} {
		got, err := hlc.ParseDecimal(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	require.Equal(t, "12.0000000000", hlc.Timestamp(12).Decimal())
	for _, text := range []string{
		"", ".", "1.", ".1", "0.0000000000", "0.0000000001", "-1.0000000000", "1.-000000001", "1.2147483648", "1.5", "1.00000000001", "1.0000000000.0",
		"9223372036854775807.0000000001", "9223372036854775808.0000000000", "1,0000000001", "1767225600.000000000,1",
	} {
		_, err := hlc.ParseDecimal(text)
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp, "%q", text)
	}
	for _, pair := range []struct {
		wall    int64
		logical int32
	}{{0, 0}, {0, 1}, {-1, 0}, {1, -1}, {1, math.MinInt32}, {math.MaxInt64, 1}} {
		_, err := hlc.FromWallLogical(pair.wall, pair.logical)
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp, "%v", pair)
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, text := range []string{"1.0000000000", "1.1", "1", "9223372036854775807.2147483647", "x", "1.2147483648"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := hlc.ParseDecimal(text)
		if err != nil {
			require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
			return
		}
		require.True(t, got.Valid())
		back, err := hlc.ParseDecimal(got.Decimal())
		require.NoError(t, err)
		require.Equal(t, got, back)
		var wall, logical int64
		if n, _ := fmt.Sscanf(text, "%d.%10d", &wall, &logical); n >= 1 {
			require.GreaterOrEqual(t, int64(got), wall)
			require.LessOrEqual(t, int64(got)-wall, int64(1))
		}
	})
}
