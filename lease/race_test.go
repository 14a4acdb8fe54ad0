//go:build race

package lease

// The simulation has one goroutine: the race detector makes it ten times slower and finds nothing
// in it.
const defaultSeeds = 400
