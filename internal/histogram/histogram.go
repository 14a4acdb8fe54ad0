// Package histogram has the bounds by which durations are counted: from 1 µs to 10 s in steps of 1, 2 and 5.
package histogram

import (
	"slices"
	"time"
)

// Buckets is how many counts there are: one for each bound, and one for what is above all.
const Buckets = 23

var bounds = [Buckets - 1]time.Duration{
	1e3, 2e3, 5e3, 10e3, 20e3, 50e3, 100e3, 200e3, 500e3,
	1e6, 2e6, 5e6, 10e6, 20e6, 50e6, 100e6, 200e6, 500e6,
	1e9, 2e9, 5e9, 10e9,
}

// Bounds returns the bounds, rising.
func Bounds() []time.Duration { return slices.Clone(bounds[:]) }

// Bucket returns which count a duration belongs to: that of the first bound that is not below it.
func Bucket(d time.Duration) int {
	i, _ := slices.BinarySearch(bounds[:], d)
	return i
}
