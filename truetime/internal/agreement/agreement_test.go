package agreement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/internal/testing/race"
)

// rule computes a bound from the votes, of which at most faulty are wrong.
type rule func(votes []Interval, faulty int) Interval

// cast has every vote be a single interval.
func cast(votes []Interval) *Votes {
	var v Votes
	for _, vote := range votes {
		v.Cast(vote)
	}
	return &v
}

func ourRule(votes []Interval, faulty int) Interval {
	var r Region
	r.Compute(cast(votes), faulty, nil)
	return r.Hull()
}

// greatestOverlap is the rule that this package must not be: the smallest interval covered by as
// many votes as possible (Marzullo 1984, as in Wikipedia and in TigerBeetle).
func greatestOverlap(votes []Interval, _ int) Interval {
	for faulty := range votes {
		var r Region
		r.Compute(cast(votes), faulty, nil)
		if len(r.parts) > 0 {
			smallest := r.parts[0]
			for _, p := range r.parts {
				if p.Hi-p.Lo < smallest.Hi-smallest.Lo {
					smallest = p
				}
			}
			return smallest
		}
	}
	return Nothing
}

func coverage(votes []Interval, x int64) (n int) {
	for _, v := range votes {
		if v.Lo <= x && x <= v.Hi {
			n++
		}
	}
	return n
}

// oracle is M_f by its definition: try every point.
func oracle(votes []Interval, faulty int, lowest, highest int64) Interval {
	hull := Nothing
	for x := lowest; x <= highest; x++ {
		if coverage(votes, x) >= len(votes)-faulty {
			hull = Interval{min(hull.Lo, x), max(hull.Hi, x)}
		}
	}
	return hull
}

// everyConfiguration calls visit with every choice of n votes whose ends lie on the given number of
// grid points, empty and unbounded votes among them. The points are 2 apart, so that an oracle
// which tries every integer sees the space between two ends as well.
func everyConfiguration(n, points int, visit func([]Interval) error) error {
	choices := []Interval{Nothing, Everything}
	for lo := range points {
		for hi := lo; hi < points; hi++ {
			choices = append(choices, Interval{int64(2 * lo), int64(2 * hi)})
		}
	}
	votes := make([]Interval, n)
	var choose func(i int) error
	choose = func(i int) error {
		if i == n {
			return visit(votes)
		}
		for _, c := range choices {
			votes[i] = c
			if err := choose(i + 1); err != nil {
				return err
			}
		}
		return nil
	}
	return choose(0)
}

// sound checks a rule against the oracle on small grids, every configuration.
func sound(bound rule, n, points int) error {
	return everyConfiguration(n, points, func(votes []Interval) error {
		for faulty := 0; 2*faulty < n; faulty++ {
			got := bound(votes, faulty)
			// Every finite end lies on the grid, so one point beyond it on each side stands for infinity.
			lowest, highest := int64(-1), int64(2*points)
			want := oracle(votes, faulty, lowest, highest)
			seen := got
			if !got.Empty() {
				seen = Interval{max(got.Lo, lowest), min(got.Hi, highest)}
			}
			if seen != want && !(seen.Empty() && want.Empty()) {
				return fmt.Errorf("votes %v with f=%d: got %v, every point tried gives %v", votes, faulty, got, want)
			}
		}
		return nil
	})
}

func TestRegionEqualsOracleOnEverySmallConfiguration(t *testing.T) {
	race.Slow(t)
	for n, points := range map[int]int{1: 6, 2: 6, 3: 6, 4: 5, 5: 4} {
		t.Run(fmt.Sprintf("n=%d", n), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, sound(ourRule, n, points))
		})
	}
}

// If this passed for the greatest overlap too, the suite above would prove nothing.
func TestGreatestOverlapFailsTheSameSuite(t *testing.T) {
	require.Error(t, sound(greatestOverlap, 3, 4))
}

func TestTrapLiarOverlapsAnEdge(t *testing.T) {
	requireTrap(t, []Interval{{0, 10}, {0, 10}, {9, 20}}, 1, 3, Interval{9, 10}, Interval{0, 10})
}

func TestTrapNarrowLiarInsideEveryInterval(t *testing.T) {
	requireTrap(t, []Interval{{0, 10}, {1, 11}, {5, 6}}, 1, 3, Interval{5, 6}, Interval{1, 10})
}

func TestTrapTwoColluders(t *testing.T) {
	requireTrap(t, []Interval{{0, 10}, {0, 10}, {0, 30}, {20, 21}, {20, 21}}, 2, 5, Interval{20, 21}, Interval{0, 21})
}

func requireTrap(t *testing.T, votes []Interval, faulty int, truth int64, overlap, want Interval) {
	t.Helper()
	require.Equal(t, overlap, greatestOverlap(votes, faulty))
	require.Zero(t, coverage([]Interval{overlap}, truth), "the greatest overlap misses the truth")
	require.Equal(t, want, ourRule(votes, faulty))
	require.Equal(t, 1, coverage([]Interval{want}, truth))
}

// With at most f < n/2 wrong votes the bound contains the truth and lies within the union of the
// correct votes, whatever the liars say; if n ≥ 3f+1 it lies within one of them (Marzullo 1990).
func TestBoundOnRandomVotesWithLiars(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	const cases = 280_000
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for c := range cases {
		n := 1 + rng.IntN(12)
		faulty := rng.IntN((n-1)/2 + 1)
		truth := rng.Int64N(1000)
		votes := make([]Interval, n)
		for i := range votes {
			if i < faulty {
				votes[i] = lie(rng, truth)
			} else {
				votes[i] = Interval{truth - rng.Int64N(40), truth + rng.Int64N(40)}
			}
		}
		correct := slices.Clone(votes[faulty:])
		rng.Shuffle(n, func(i, j int) { votes[i], votes[j] = votes[j], votes[i] })

		got := ourRule(votes, faulty)
		whole := func(v Interval) bool { return v.Lo <= got.Lo && got.Hi <= v.Hi }
		if got.Lo > truth || got.Hi < truth ||
			coverage(correct, got.Lo) == 0 || coverage(correct, got.Hi) == 0 ||
			n >= 3*faulty+1 && !slices.ContainsFunc(correct, whole) {
			t.Fatalf("seed %d case %d: f=%d truth=%d votes=%v bound=%v", seed, c, faulty, truth, votes, got)
		}
	}
}

func lie(rng *rand.Rand, truth int64) Interval {
	switch rng.IntN(4) {
	case 0:
		return Nothing
	case 1:
		return Everything
	case 2: // overlaps an edge of the honest intervals
		return Interval{truth + 1 + rng.Int64N(40), truth + 100}
	default: // narrow, anywhere near
		lo := truth - 40 + rng.Int64N(80)
		return Interval{lo, lo + rng.Int64N(3)}
	}
}

func TestRegionMeetsExactlyTheVotesThatCoverAPointOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		votes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Interval {
			lo := rapid.Int64Range(0, 15).Draw(t, "lo")
			return Interval{2 * lo, 2 * rapid.Int64Range(lo-1, 15).Draw(t, "hi")}
		}), 1, 9).Draw(t, "votes")
		faulty := rapid.IntRange(0, (len(votes)-1)/2).Draw(t, "f")
		var r Region
		r.Compute(cast(votes), faulty, nil)
		for _, v := range votes {
			meets := false
			for x := v.Lo; x <= v.Hi; x++ {
				meets = meets || coverage(votes, x) >= len(votes)-faulty
			}
			require.Equal(t, meets, r.Meets(v), "vote %v in region %v", v, r.parts)
		}
	})
}

func TestSilentMajorityLeavesTheBoundUnbounded(t *testing.T) {
	require.Equal(t, Everything, ourRule([]Interval{{0, 1}, Everything, Everything}, 1))
	require.False(t, Everything.Bounded())
	require.False(t, Nothing.Bounded(), "no answer is not a narrow one")
	require.True(t, Interval{3, 3}.Bounded())
}

func TestConvictedVoteStillCountsAmongTheN(t *testing.T) {
	require.Equal(t, Interval{5, 10}, ourRule([]Interval{{0, 10}, {5, 20}, Nothing}, 1))
	require.True(t, ourRule([]Interval{{0, 10}, Nothing, Nothing}, 1).Empty())
}

func TestComputeDoesNotAllocateInSteadyState(t *testing.T) {
	if invariants.Enabled {
		t.Skip("assertions allocate")
	}
	var votes Votes
	var r Region
	var twins Twins
	count := func() {
		votes.Clear()
		for i := range int64(7) {
			votes.Cast(Interval{i, i + 10})
		}
		r.Compute(&votes, 3, &twins)
		_ = r.Within(Interval{5, 6})
	}
	for _, link := range []func(){func() { twins.Reset(7) }, func() { twins.Link(0, 1); twins.Link(1, 2) }} {
		link()
		count()
		require.Zero(t, testing.AllocsPerRun(100, count))
	}
}

// What is left of a region within a limit has to be found before the hull is taken: between its parts there is
// room for a lie.
func TestWithinIsTheHullOfWhatIsLeft(t *testing.T) {
	var r Region
	r.Compute(cast([]Interval{{0, 1}, {0, 1}, {0, 100}, {90, 91}, {90, 91}}), 2, nil)
	require.Equal(t, []Interval{{0, 1}, {90, 91}}, r.Parts())
	require.Equal(t, Interval{0, 91}, r.Hull())
	require.Equal(t, Interval{0, 1}, r.Within(Interval{-5, 50}))
	require.Equal(t, Interval{1, 90}, r.Within(Interval{1, 90}))
	require.True(t, r.Within(Interval{2, 89}).Empty())
	require.Equal(t, r.Hull(), r.Within(Everything))
}

// A voter may cover several parts of the time line: that of a group covers what its sources leave possible.
func TestRegionOfVotesInPartsEqualsOracle(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for c := range 100_000 {
		n := 1 + rng.IntN(5)
		faulty := rng.IntN((n-1)/2 + 1)
		covers := make([][]bool, n)
		var votes Votes
		for i := range n {
			var parts []Interval
			covers[i] = make([]bool, 24)
			for x := rng.Int64N(4); x < 24; x += 2 + rng.Int64N(6) {
				last := min(x+rng.Int64N(6), 23)
				parts = append(parts, Interval{x, last})
				for ; x <= last; x++ {
					covers[i][x] = true
				}
			}
			votes.Cast(parts...)
		}
		var r Region
		r.Compute(&votes, faulty, nil)
		for x := range 24 {
			covered := 0
			for i := range n {
				if covers[i][x] {
					covered++
				}
			}
			if covered >= n-faulty != r.Meets(Interval{int64(x), int64(x)}) {
				t.Fatalf("seed %d case %d: f=%d at %d of %v: %v", seed, c, faulty, x, covers, r.Parts())
			}
		}
	}
}
