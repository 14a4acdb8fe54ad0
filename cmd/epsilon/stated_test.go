package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A clock that is made 12 ppm slower than the counter is that of a counter which is 12 ppm fast.
func TestWhatIsStatedHasTheCountersSign(t *testing.T) {
	require.Contains(t, daemonEstimates(-12), "the counter is +12.00 ppm off")
	require.Contains(t, daemonEstimates(-12), "no bound")
	require.Contains(t, hypervisorStates(0.05), "±0.05 ppm")
}
