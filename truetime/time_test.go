package truetime

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeConversions(t *testing.T) {
	std := time.Date(2026, 11, 20, 9, 37, 48, 123456789, time.FixedZone("", 3600))
	require.True(t, FromStd(std).Std().Equal(std))
	require.Equal(t, "2026-11-20T08:37:48.123456789Z", FromStd(std).String())
	require.Equal(t, time.UTC, FromStd(std).Std().Location())

	a := FromStd(std)
	require.Equal(t, time.Hour, a.Add(time.Hour).Sub(a))
	require.Equal(t, Time(math.MaxInt64), a.Add(math.MaxInt64))
	require.True(t, a.Before(a+1) && (a+1).After(a))
	require.Equal(t, []int{-1, 0, 1}, []int{a.Compare(a + 1), a.Compare(a), (a + 1).Compare(a)})
}

func TestWhatATimeCannotHoldIsTheNearestThatItCan(t *testing.T) {
	first, last := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)
	for std, want := range map[time.Time]Time{
		time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC): math.MaxInt64,
		last.Add(1):                  math.MaxInt64,
		last:                         math.MaxInt64,
		first:                        math.MinInt64,
		first.Add(-1):                math.MinInt64,
		time.Time{}.Add(1):           math.MinInt64,
		time.Unix(0, -1):             -1,
		time.Unix(1<<62, 0):          math.MaxInt64,
		time.Unix(math.MinInt64, 0):  math.MinInt64,
		time.Unix(0, 0).Add(1).UTC(): 1,
	} {
		require.Equal(t, want, FromStd(std), "%v", std)
	}
}

func TestNoTimeIsNoTimeOnBothSides(t *testing.T) {
	require.Equal(t, Time(0), FromStd(time.Time{}))
	require.True(t, FromStd(time.Time{}).IsZero())
	require.True(t, Time(0).Std().IsZero())
	require.True(t, TAI(0).IsZero())
	require.False(t, Time(1).IsZero() || TAI(1).IsZero() || Time(1).Std().IsZero())
}
