package truetime

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIntervalRelations(t *testing.T) {
	i := Interval{10, 20}
	require.True(t, i.Valid())
	require.False(t, Interval{}.Valid())
	require.False(t, Interval{20, 10}.Valid())
	require.True(t, i.Contains(10) && i.Contains(20))
	require.False(t, i.Contains(9) || i.Contains(21))
	require.True(t, i.After(9), "9 has certainly passed")
	require.False(t, i.After(10))
	require.True(t, i.Before(21), "21 has certainly not arrived")
	require.False(t, i.Before(20))

	require.True(t, i.Overlaps(Interval{20, 30}))
	require.False(t, i.Overlaps(Interval{21, 30}))
	both, ok := i.Intersect(Interval{15, 30})
	require.True(t, ok)
	require.Equal(t, Interval{15, 20}, both)
	_, ok = i.Intersect(Interval{21, 30})
	require.False(t, ok)
}

func TestUncertaintyIsHalfTheWidthRoundedUp(t *testing.T) {
	require.Equal(t, time.Duration(5), Interval{10, 20}.Uncertainty())
	require.Equal(t, time.Duration(6), Interval{10, 21}.Uncertainty())
	require.Equal(t, Time(15), Interval{10, 21}.Midpoint())
	require.Equal(t, time.Duration(math.MaxInt64), Interval{math.MinInt64, math.MaxInt64}.Width())
}
