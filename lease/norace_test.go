//go:build !race

package lease

const defaultSeeds = 3000
