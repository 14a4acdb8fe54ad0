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

func TestReleaseOfTheKernelIsUnderstood(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.44-fc-v782": true, "4.19.0-27-amd64": true, "5.4": true, "10.0.1": true,
		"4.18.0-553.el8": false, "4.4.0": false, "3.10.0": false, "": false, "rolling": false, "6": false,
	} {
		require.Equal(t, want, releasedSince419(release), release)
	}
}
