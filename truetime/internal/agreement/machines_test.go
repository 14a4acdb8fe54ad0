package agreement

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// pairs are the voters that are twins, as the suites below choose them.
type pairs [][2]int

func (p pairs) twins(voters int) *Twins {
	var t Twins
	t.Reset(voters)
	for _, pair := range p {
		t.Link(pair[0], pair[1])
	}
	return &t
}

// ruledOut is the rule by its words: try every choice of f+1 voters, and see whether all exclude the moment and
// no two are twins.
func (p pairs) ruledOut(votes []Interval, faulty int, x int64) bool {
	for chosen := range 1 << len(votes) {
		if bits.OnesCount(uint(chosen)) != faulty+1 {
			continue
		}
		all := true
		for i, v := range votes {
			all = all && (chosen&(1<<i) == 0 || v.Empty() || x < v.Lo || x > v.Hi)
		}
		for _, pair := range p {
			all = all && chosen&(1<<pair[0]|1<<pair[1]) != 1<<pair[0]|1<<pair[1]
		}
		if all {
			return true
		}
	}
	return false
}

func (p pairs) sound(n, points int) error {
	twins := p.twins(n)
	var r Region
	return everyConfiguration(n, points, func(votes []Interval) error {
		for faulty := 0; 2*faulty < n; faulty++ {
			r.Compute(cast(votes), faulty, twins)
			for x := int64(-1); x <= int64(2*points); x++ {
				if possible := !p.ruledOut(votes, faulty, x); possible != r.Meets(Interval{x, x}) {
					return fmt.Errorf("twins %v, votes %v, f=%d: at %d: %v, and the region is %v", p, votes, faulty, x, possible, r.parts)
				}
			}
		}
		return nil
	})
}

// Every configuration of votes with every pattern of twins.
func TestTwinsEqualOracleOnEverySmallConfiguration(t *testing.T) {
	for n, points := range map[int]int{2: 4, 3: 3, 4: 2} {
		var all pairs
		for a := range n {
			for b := range a {
				all = append(all, [2]int{b, a})
			}
		}
		for pattern := range 1 << len(all) {
			var p pairs
			for i, pair := range all {
				if pattern&(1<<i) != 0 {
					p = append(p, pair)
				}
			}
			require.NoError(t, p.sound(n, points))
		}
	}
}

// The promise: machines have any number of voters, at most f machines lie with all of theirs, and liars show what they please, so that
// they are twins of whoever they like. True time is possible; and where f+1 honest machines have been heard nothing is
// that honest voters all exclude.
func TestMachinesWithSeveralVotersAndLiarsThatCopy(t *testing.T) {
	t.Parallel()
	const cases = 100_000
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	var r Region
	for c := range cases {
		machines := 1 + rng.IntN(7)
		faulty := rng.IntN((machines-1)/2 + 1)
		truth := rng.Int64N(1000)
		var votes, honest []Interval
		var machine []int
		for m := range machines { // the first ones lie
			for range 1 + rng.IntN(3)*rng.IntN(2) {
				machine = append(machine, m)
				if m < faulty {
					votes = append(votes, lie(rng, truth))
					continue
				}
				votes = append(votes, Interval{truth - rng.Int64N(40), truth + rng.Int64N(40)})
				honest = append(honest, votes[len(votes)-1])
			}
		}
		var p pairs
		for a := range votes {
			for b := range a {
				if machine[a] == machine[b] || min(machine[a], machine[b]) < faulty && rng.IntN(2) == 0 {
					p = append(p, [2]int{b, a})
				}
			}
		}
		r.Compute(cast(votes), faulty, p.twins(len(votes)))
		hull := r.Hull()
		if !r.Meets(Interval{truth, truth}) || coverage(honest, hull.Lo) == 0 || coverage(honest, hull.Hi) == 0 {
			t.Fatalf("seed %d case %d: f=%d truth=%d machines=%v votes=%v twins=%v region=%v", seed, c, faulty, truth, machine, votes, p, r.parts)
		}
	}
}

// To vote by classes of voters that have something in common, each class for all that its members cover, would be
// true as well. But a liar that copies two honest machines would make all three one class.
func TestCopyingTwoHonestMachinesSilencesNeither(t *testing.T) {
	honest := []Interval{{0, 10}, {2, 12}}
	votes := append(honest, Interval{5000, 5001})
	p := pairs{{0, 2}, {1, 2}}
	var r Region
	r.Compute(cast(votes), 1, p.twins(3))
	require.Equal(t, []Interval{{0, 12}}, r.Parts())
}

func TestAllVotersOfOneMachineProveNothingIfItMayBeWrong(t *testing.T) {
	p := pairs{{0, 1}, {1, 2}, {0, 2}}
	var r Region
	r.Compute(cast([]Interval{{0, 10}, {1, 11}, {2, 12}}), 1, p.twins(3))
	require.Equal(t, []Interval{Everything}, r.Parts())
}

// However contrived the pattern, and however many, a search ends soon and what it finds are voters that are apart.
func TestApartOfManyTwins(t *testing.T) {
	for _, n := range []int{10, 40, 64, 65, 200} {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		var stars, random pairs
		for v := range n - 1 {
			stars = append(stars, [2]int{v, n - 1})
		}
		for a := range n {
			for b := range a {
				if rng.IntN(4) == 0 {
					random = append(random, [2]int{b, a})
				}
			}
		}
		marked := make([]bool, n)
		for i := range marked {
			marked[i] = true
		}
		if n <= maxTwins {
			require.Equal(t, n-1, stars.twins(n).Apart(marked), "n=%d", n)
		}
		require.Positive(t, random.twins(n).Apart(marked))
		require.LessOrEqual(t, random.twins(n).Apart(marked), n)
		var none *Twins
		require.Equal(t, n, none.Apart(marked))
	}
}
