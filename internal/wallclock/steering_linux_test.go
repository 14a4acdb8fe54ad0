package wallclock

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

func TestKernelSaysHowItIsSteered(t *testing.T) {
	if !steersAtOnce() {
		t.Skip("this kernel is older than Linux 4.19")
	}
	counter, err := monotonic.System()
	require.NoError(t, err)
	first, err := ReadFirst(counter)
	require.NoError(t, err)
	last, err := ReadLast(counter)
	require.NoError(t, err)
	if first.Steering == (Steering{}) {
		t.Skip("adjtimex(2) is forbidden here")
	}
	for _, s := range []Steering{first.Steering, last.Steering} {
		require.InDelta(t, nominalTick, s.Tick, nominalTick/10)
		require.LessOrEqual(t, s.Begun, s.Read)
	}
	require.False(t, first.WallLast)
	require.True(t, last.WallLast)
	require.LessOrEqual(t, first.After, last.Before)
}

func TestSecondHasNotBegunWhereTheClockWasRoundedIntoIt(t *testing.T) {
	const s = 1_000_000_000
	for coarse, want := range map[int64]int64{17*s - 1: 16, 17 * s: 16, 17*s + 999: 16, 17*s + 1000: 17, 18*s - 1: 17} {
		require.Equal(t, want, begunBy(coarse), coarse)
	}
}

func TestReleaseOfTheKernelIsUnderstood(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.44-fc-v782": true, "4.19.0-27-amd64": true, "5.4": true, "10.0.1": true,
		"4.18.0-553.el8": false, "4.4.0": false, "3.10.0": false, "": false, "rolling": false, "6": false,
	} {
		require.Equal(t, want, releasedSince419(release), release)
	}
}
