package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSeriesTellsTheMeanAndHowFarItsBlocksDiffer(t *testing.T) {
	var ours, theirs series
	require.Equal(t, "0 (none)", ours.String())
	for _, d := range []time.Duration{600, 620} {
		ours.add(0, d*time.Microsecond)
	}
	ours.add(1, 640*time.Microsecond)
	ours.add(2, 580*time.Microsecond)
	for block := range blockCount {
		theirs.add(block, 1000*time.Microsecond)
	}
	require.Equal(t, 4, ours.count())
	require.Equal(t, "610 (580 to 640)", ours.String())
	require.Equal(t, "1000 (1000)", theirs.String())
	require.Equal(t, "0.58 to 0.64", ours.over(&theirs))
	require.Equal(t, "1.16 to 1.28", ours.overAll(500*time.Microsecond))
	require.Equal(t, "1.00", theirs.over(&theirs))
}
