package fleet

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// covers returns every set of at most so many of n vertices that has an end of each edge.
func covers(edges []Pair, n, faulty int) (sets []uint) {
	for set := range uint(1) << n {
		if bits.OnesCount(set) > faulty {
			continue
		}
		covered := true
		for _, e := range edges {
			covered = covered && set&(1<<(e.A[0]-'a')|1<<(e.B[0]-'a')) != 0
		}
		if covered {
			sets = append(sets, set)
		}
	}
	return sets
}

// Whoever is convicted is among the wrong machines in every way to choose them that explains all edges.
func TestConvictionsFollowFromEveryExplanation(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	convicted, failed := 0, 0
	for range 30_000 {
		n := 2 + r.IntN(7)
		faulty := r.IntN(n)
		var edges []Pair
		degree := map[string]map[string]bool{}
		density := r.Float64()
		for a := range n {
			for b := range n {
				if a != b && r.Float64() < density {
					p := Pair{string(rune('a' + a)), string(rune('a' + b))}
					edges = append(edges, p)
					for _, e := range []Pair{p, {p.B, p.A}} {
						if degree[e.A] == nil {
							degree[e.A] = map[string]bool{}
						}
						degree[e.A][e.B] = true
					}
				}
			}
		}
		explanations := covers(edges, n, faulty)
		v := Convict(edges, faulty)
		text := fmt.Sprintf("seed %d: %v with %d wrong: %+v", seed, edges, faulty, v)
		if v.TooMany {
			require.Empty(t, v.Convicted, text)
			require.Empty(t, explanations, text)
			failed++
			continue
		}
		for i, c := range v.Convicted {
			convicted++
			require.Equal(t, faulty-i, c.Faulty, text)
			require.Greater(t, len(c.Contradicts), c.Faulty, text)
			for _, other := range c.Contradicts {
				require.True(t, degree[c.Machine][other], text)
			}
			for _, set := range explanations {
				require.NotZero(t, set&(1<<(c.Machine[0]-'a')), text)
			}
		}
		if len(explanations) > 0 {
			for machine, others := range degree {
				if len(others) > faulty {
					require.Contains(t, v.Names(), machine, text)
				}
			}
		}
	}
	require.NotZero(t, convicted)
	require.NotZero(t, failed)
}

func TestVerdicts(t *testing.T) {
	star := func(center string, others ...string) (edges []Pair) {
		for _, other := range others {
			edges = append(edges, Pair{center, other})
		}
		return edges
	}
	for name, c := range map[string]struct {
		edges     []Pair
		faulty    int
		convicted []string
		tooMany   bool
	}{
		"nothing":                   {nil, 0, []string{}, false},
		"one of two":                {star("a", "b"), 0, []string{}, true},
		"one of three is not known": {star("a", "b"), 1, []string{}, false},
		"one of three":              {star("a", "b", "c"), 1, []string{"a"}, false},
		"all three":                 {append(star("a", "b", "c"), Pair{"b", "c"}), 1, []string{}, true},
		"told twice":                {append(star("a", "b"), Pair{"b", "a"}), 1, []string{}, false},
		"the second by the first":   {append(star("a", "b", "c", "d"), star("e", "a", "b", "c")...), 2, []string{"a", "e"}, false},
		"disjoint":                  {[]Pair{{"a", "b"}, {"c", "d"}}, 1, []string{}, true},
		"forged by one of two":      {append(star("a", "b", "c", "d"), star("x", "b", "c", "d", "e")...), 2, []string{"a", "x"}, false},
	} {
		v := Convict(c.edges, c.faulty)
		require.Equal(t, c.convicted, v.Names(), name)
		require.Equal(t, c.tooMany, v.TooMany, name)
	}
}
