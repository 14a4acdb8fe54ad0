package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSteeringOfTheHostsClockIsTold(t *testing.T) {
	quiet := steering{Frequency: 5 << 16, Tick: 10_000, Ahead: 1_000_000_000}
	require.Empty(t, quiet.until(quiet), "a frequency that stays is no steering")
	for says, change := range map[string]func(*steering){
		"its frequency changed by -2.000 ppm":                      func(s *steering) { s.Frequency = 3 << 16 },
		"its frequency changed by 100.000 ppm":                     func(s *steering) { s.Tick++ },
		"an offset was being corrected":                            func(s *steering) { s.Offset = 1 },
		"an offset was being corrected, it was stepped by -2.0 ms": func(s *steering) { s.Adjustment, s.Ahead = 1, s.Ahead-2_000_000 },
		"it is not known: adjtimex: operation is not allowed here": func(s *steering) { s.err = errors.New("adjtimex: operation is not allowed here") },
	} {
		later := quiet
		change(&later)
		require.Equal(t, says, quiet.until(later))
	}
	require.NotZero(t, readSteering().Ahead)
}
