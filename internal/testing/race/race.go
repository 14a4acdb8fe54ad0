// Package race tells a test whether it runs under the race detector.
//
// The detector makes Go about eight times slower, and it can find nothing in the random worlds and
// histories of one goroutine, which are most of what some packages test. They run a part of them
// under it. All of them are run without it, by .ci/run.
package race

import "testing"

// Slow skips a test of one goroutine under the race detector.
func Slow(t *testing.T) {
	if Enabled {
		t.Skip("one goroutine has no races, and this would take seconds: run it without -race")
	}
}

// Count returns how many cases a test is to run: all, or fewer under the race detector.
func Count(all, fewer int) int {
	if Enabled {
		return fewer
	}
	return all
}

// Some returns all cases, or the first fewer of them under the race detector.
func Some[T any](all []T, fewer int) []T { return all[:Count(len(all), fewer)] }

// Every returns all cases, or each nth of them under the race detector.
func Every[T any](all []T, nth int) []T {
	if !Enabled {
		return all
	}
	var some []T
	for i := 0; i < len(all); i += nth {
		some = append(some, all[i])
	}
	return some
}
