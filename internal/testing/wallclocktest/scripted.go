// Package wallclocktest provides a wall clock for tests that is slewed and set as they say.
package wallclocktest

import (
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// Scripted is a wall clock against a counter that starts at 0: slewed by a rate that changes, and
// set at some moments.
type Scripted struct {
	Starts []int64   // of a span of one rate, ascending, the first 0
	Rates  []float64 // the wall clock's advance for 1 of the counter's
	Sets   []Set
}

// Set is one step of the wall clock.
type Set struct{ At, By int64 }

// Epoch is what the wall clock reads when the counter reads 0.
const Epoch = 1_700_000_000_000_000_000

// Slewed is what CLOCK_MONOTONIC reads.
func (w Scripted) Slewed(at int64) int64 {
	sum := 0.0
	for i, start := range w.Starts {
		end := at
		if i+1 < len(w.Starts) {
			end = min(at, w.Starts[i+1])
		}
		if end > start {
			sum += float64(end-start) * w.Rates[i]
		}
	}
	return int64(sum)
}

// Wall is what CLOCK_REALTIME reads.
func (w Scripted) Wall(at int64) int64 {
	reading := Epoch + w.Slewed(at)
	for _, s := range w.Sets {
		if s.At <= at {
			reading += s.By
		}
	}
	return reading
}

// Reading reads the clocks at two moments between two readings of the counter.
func (w Scripted) Reading(before, wall, slewed, after int64) wallclock.Reading {
	return wallclock.Reading{Before: monotonic.Instant(before), After: monotonic.Instant(after), Wall: w.Wall(wall), Slewed: w.Slewed(slewed), WallLast: slewed < wall}
}

// Steady is a wall clock that runs like the counter, and is set as said.
func Steady(sets ...Set) Scripted {
	return Scripted{Starts: []int64{0}, Rates: []float64{1}, Sets: sets}
}
