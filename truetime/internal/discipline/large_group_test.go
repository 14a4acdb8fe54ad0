package discipline

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Of 65 machines with two addresses each that share one vote, 32 lie. That is fewer than half of them, and what they
// say in common must not be the group's word, although they were the first that were found to have two addresses.
func TestALargeGroupOfMachinesWithTwoAddressesIsNotOutvotedByItsMinority(t *testing.T) {
	const machines, liars = 65, 32
	d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Voter: make([]int, 2*machines)})
	for i := range 2 * machines {
		d.Show(i, fmt.Sprint("machine ", i/2), 0)
	}
	for i := range 2 * machines {
		says := int64(0)
		if i/2 < liars {
			says = 1e9
		}
		require.NoError(t, d.Add(i, Facts{Upper: Point{0, says + 1000}, Lower: Point{0, says - 1000}}, 1, 0))
	}
	d.fuse(0)
	if bounds, answered := d.Bounds(); answered {
		answer := bounds.At(0)
		require.LessOrEqual(t, answer.Lo, int64(0))
		require.GreaterOrEqual(t, answer.Hi, int64(0))
	}
}
