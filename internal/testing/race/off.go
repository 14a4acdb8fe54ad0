//go:build !race

package race

// Enabled is whether the race detector is.
const Enabled = false
