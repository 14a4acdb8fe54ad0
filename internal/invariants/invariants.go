// Package invariants has the core's assertions: what must hold whatever comes in, so that a broken one is our own
// fault. They are checked under the build tag invariants and under the race detector, and cost nothing otherwise:
//
//	if invariants.Enabled {
//		invariants.Check(lo <= hi, "bounds cross: %d > %d", lo, hi)
//	}
package invariants

import "fmt"

// Check panics with the message unless what must hold does. Call it where [Enabled] is true only, as its arguments
// are evaluated in any case.
func Check(holds bool, format string, values ...any) {
	if !holds {
		panic("invariant broken: " + fmt.Sprintf(format, values...))
	}
}
