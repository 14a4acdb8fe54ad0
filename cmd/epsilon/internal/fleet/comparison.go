package fleet

import (
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Comparison is by how much a peer's clock is ahead of this machine's, going by what both have answered: between Least and Most. It is an
// interval of offsets, and has 0 in it if both can be right.
type Comparison struct{ Least, Most time.Duration }

// Compare compares the reading of a peer with those that this machine took before it asked and after it had the reply.
func Compare(before, after, theirs truetime.Interval) Comparison {
	return Comparison{Least: theirs.Earliest.Sub(after.Latest), Most: theirs.Latest.Sub(before.Earliest)}
}

// Gap is how far the peer's clock is ahead of this machine's at least, or behind if it is negative. It is 0 if both can be right.
func (c Comparison) Gap() time.Duration {
	switch {
	case c.Least > 0:
		return c.Least
	case c.Most < 0:
		return c.Most
	}
	return 0
}
