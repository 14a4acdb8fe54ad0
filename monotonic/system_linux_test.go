package monotonic_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// The choice of clock is part of the contract, so it is pinned: the reading lies between two
// readings of CLOCK_MONOTONIC_RAW, whatever CLOCK_MONOTONIC has been slewed to meanwhile.
func TestSystemCounterIsMonotonicRaw(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)

	var before, after unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &before))
	now := counter.Now()
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &after))

	require.LessOrEqual(t, before.Nano(), int64(now))
	require.LessOrEqual(t, int64(now), after.Nano())
}
