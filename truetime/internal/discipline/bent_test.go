package discipline

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/line"
)

// As long as nothing is known of the rate of a stable counter its lines have the slope of the drift on both sides of
// the horizon. Nothing bends there, and nothing may be lost to rounding.
func TestALineThatDoesNotBendLosesNothingAtItsHorizon(t *testing.T) {
	for ppb := uint64(199_000); ppb < 201_000; ppb += 101 {
		d := New(Config{Counter: CounterSpec{Drift: NewDrift(ppb)}, Stability: NewStability(100, 0), Voter: []int{0}})
		require.NoError(t, d.Add(0, Facts{Upper: Point{0, 1000}, Lower: Point{0, 1000}}, 1, 0))
		bounds, _ := d.Bounds()
		a, ok := bounds.Ahead(0, 0, line.Nanoseconds, nil)
		require.True(t, ok)
		_, fast := d.counter.Drift.Parts()
		for c := int64(horizon) + 1; c < int64(horizon)+20_000; c += 97 {
			_, upper, ok := a.Late(uint64(c))
			require.True(t, ok)
			gain := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(c), new(big.Int).SetUint64(fast)), new(big.Int).Lsh(big.NewInt(1), 64))
			most := new(big.Rat).Add(new(big.Rat).SetInt64(1000+c), gain)
			if most.Cmp(new(big.Rat).SetInt64(upper)) > 0 {
				t.Fatalf("ρ = %d ppb: %d ns later true time may be %s, and Latest is %d", ppb, c, most.FloatString(3), upper)
			}
		}
	}
}
