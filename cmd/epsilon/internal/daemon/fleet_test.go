package daemon

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// What a suspend ends is an epoch of the clock in use, or of the one that it has replaced meanwhile.
func TestTheFleetForgetsWhenACounterCannotBeTrusted(t *testing.T) {
	var f fleetNode
	a, b := new(truetime.Clock), new(truetime.Clock)
	require.False(t, f.disrupted(a, truetime.Disruptions{}))
	require.False(t, f.disrupted(a, truetime.Disruptions{Contradiction: 1, Identity: 1, LeapSeconds: 1}), "time has passed as ever")
	require.True(t, f.disrupted(a, truetime.Disruptions{Counter: 1}))
	require.False(t, f.disrupted(a, truetime.Disruptions{Counter: 1}))
	require.True(t, f.disrupted(a, truetime.Disruptions{Counter: 1, Pause: 1}))
	require.False(t, f.disrupted(b, truetime.Disruptions{}), "another clock")
	require.True(t, f.disrupted(a, truetime.Disruptions{Pause: 1}), "one that has seen a pause before it was in use")
}
