package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// A program that reads the JSON finds every word in the help that a state or a verdict may be.
func TestTheHelpOnJSONHasAllStatesAndVerdicts(t *testing.T) {
	var states, verdicts []string
	for s := truetime.State(0); s <= truetime.Closed; s++ {
		states = append(states, s.String())
	}
	for v := truetime.Verdict(0); v <= truetime.Unusable; v++ {
		verdicts = append(verdicts, v.String())
	}
	require.Contains(t, jsonTopic, "\n  states                "+strings.Join(states, ", ")+"\n")
	require.Contains(t, jsonTopic, "\n  verdicts              "+strings.Join(verdicts, ", ")+"\n")
}
