package simulated

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// Servers makes three servers, with a path to each that takes up to twice the error that they
// claim. One may lie; the others are wrong by all that they claim, or not at all, so that intervals
// have true time at an edge.
func Servers(world *truetimetest.World, rng *rand.Rand, claim time.Duration) (links []truetimetest.Link) {
	for i := range 3 {
		behavior := truetimetest.Steady([]time.Duration{-claim, 0, claim}[rng.IntN(3)], claim)
		if i == 0 && rng.IntN(2) == 0 {
			behavior = truetimetest.Anywhere(4*claim, claim)
		}
		path := truetimetest.Path{There: truetimetest.Leg{Spread: 1 + UpTo(rng, claim)}, Back: truetimetest.Leg{Spread: 1 + UpTo(rng, claim), Loss: 0.05}}
		links = append(links, truetimetest.Link{Server: world.NewServer(fmt.Sprint("s", i), behavior), Path: path})
	}
	return links
}
