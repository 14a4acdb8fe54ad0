package agreement

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkRegion finds M_f of n votes of which fewer than half are wrong, with other votes each time.
// Limits: 500 ns for seven, no allocation, and a growth with n·log n.
func BenchmarkRegion(b *testing.B) {
	for _, n := range []int{3, 7, 10, 100, 1000} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, uint64(n)))
			rounds := make([]Votes, 1_000_000/n) // too many for the processor to learn their order
			for r := range rounds {
				var round []Interval
				for range n {
					middle, width := rng.Int64N(1_000_000), 1_000_000+rng.Int64N(1_000_000)
					round = append(round, Interval{middle - width, middle + width})
				}
				for i := range (n - 1) / 2 {
					round[i] = Interval{round[i].Lo + 3_000_000, round[i].Hi + 3_000_000}
				}
				rng.Shuffle(n, func(i, j int) { round[i], round[j] = round[j], round[i] })
				rounds[r] = *cast(round)
			}
			var region Region
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				region.Compute(&rounds[i%len(rounds)], (n-1)/2, nil)
				if region.Hull().Empty() {
					b.Fatal("no agreement")
				}
				i++
			}
		})
	}
}
