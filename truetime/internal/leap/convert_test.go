package leap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSamplesBeforeTheFirstAnswerAreConvertedForTheirOwnSideOfALeap(t *testing.T) {
	u := int64(date(2027, 7, 1))
	b := NewBelief(BuiltIn(), each(1, 0))
	for _, p := range []int64{u - 3600*second, u + 3600*second, u + 20*day} {
		lo, hi, ok := b.In(ScaleUTC, p, p+10)
		require.True(t, ok)
		require.EqualValues(t, p+37*second, lo)
		require.EqualValues(t, p+37*second+10, hi)
	}
	for _, p := range []int64{u - 5*second, u, u + 5*second} {
		_, _, ok := b.In(ScaleUTC, p, p)
		require.False(t, ok)
	}
	_, _, ok := b.In(ScaleUTCSmeared, u-1, u)
	require.False(t, ok)
	lo, hi, ok := b.In(ScaleUTCSmeared, u+3600*second, u+3600*second)
	require.True(t, ok)
	require.InDelta(t, 2*11.0/24*1e9, float64(hi-lo), 1e5)
	lo, hi, ok = b.In(ScaleTAI, u, u+1)
	require.True(t, ok && lo == TAI(u) && hi == TAI(u+1))
}
