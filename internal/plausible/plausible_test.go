package plausible_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/plausible"
	"github.com/epsilontime/epsilon/truetime"
)

func TestATimestampInAnotherUnitIsTold(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, wrong := range []int64{now.Unix(), now.UnixMilli(), now.UnixMicro(), 1, -1, math.MinInt64} {
		require.ErrorContains(t, plausible.Timestamp(truetime.Time(wrong)), "nanoseconds", wrong)
	}
	require.ErrorContains(t, plausible.Timestamp(0), "zero")
	require.NoError(t, plausible.Timestamp(truetime.FromStd(now)))
	require.NoError(t, plausible.Timestamp(truetime.FromStd(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))))
	require.NoError(t, plausible.Timestamp(math.MaxInt64))
}
