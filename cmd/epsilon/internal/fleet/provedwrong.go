package fleet

import (
	"cmp"
	"slices"
)

// Pair is two machines that contradict each other.
type Pair struct{ A, B string }

// Conviction is a machine that is proved wrong.
type Conviction struct {
	Machine     string
	Contradicts []string // more than Faulty machines, none of which was convicted before; sorted
	Faulty      int      // how many may be wrong beside those that were convicted before
}

// Verdict is what follows from what was proved.
type Verdict struct {
	Convicted []Conviction // in the order of the proof

	// TooMany: no set of as many machines as may be wrong has a part in every contradiction, so more of them are wrong than was assumed. Then
	// nobody is convicted.
	TooMany bool
}

// Names returns the convicted machines, sorted.
func (v Verdict) Names() []string {
	names := make([]string, len(v.Convicted))
	for i, c := range v.Convicted {
		names[i] = c.Machine
	}
	slices.Sort(names)
	return names
}

// Convict applies the rule of the package's documentation to edges, of which one may be there several times.
func Convict(edges []Pair, faulty int) Verdict {
	g := graphOf(edges)
	var v Verdict
	for {
		worst := g.mostContradicted()
		allowed := faulty - len(v.Convicted)
		if worst < 0 || allowed == 0 || g.degree[worst] <= allowed {
			break
		}
		v.Convicted = append(v.Convicted, Conviction{g.names[worst], g.remaining(worst), allowed})
		g.remove(worst)
	}
	if g.matching() > faulty-len(v.Convicted) {
		return Verdict{TooMany: true}
	}
	return v
}

// graph has the machines as vertices, some of which have been removed.
type graph struct {
	names      []string
	neighbours [][]int
	degree     []int // neighbours that have not been removed
	removed    []bool
}

func graphOf(edges []Pair) *graph {
	g := &graph{}
	ids := map[string]int{}
	id := func(name string) int {
		i, known := ids[name]
		if !known {
			i = len(g.names)
			ids[name] = i
			g.names = append(g.names, name)
			g.neighbours = append(g.neighbours, nil)
		}
		return i
	}
	for _, e := range edges {
		if a, b := id(e.A), id(e.B); a != b {
			g.neighbours[a] = append(g.neighbours[a], b)
			g.neighbours[b] = append(g.neighbours[b], a)
		}
	}
	g.degree, g.removed = make([]int, len(g.names)), make([]bool, len(g.names))
	for i := range g.neighbours {
		slices.Sort(g.neighbours[i])
		g.neighbours[i] = slices.Compact(g.neighbours[i])
		g.degree[i] = len(g.neighbours[i])
	}
	return g
}

// mostContradicted returns the vertex with the most neighbours, and the first by its name of several; −1 if there is none left.
func (g *graph) mostContradicted() int {
	worst := -1
	for i, name := range g.names {
		if g.removed[i] {
			continue
		}
		if worst < 0 || cmp.Or(cmp.Compare(g.degree[i], g.degree[worst]), cmp.Compare(g.names[worst], name)) > 0 {
			worst = i
		}
	}
	return worst
}

func (g *graph) remaining(i int) (names []string) {
	for _, j := range g.neighbours[i] {
		if !g.removed[j] {
			names = append(names, g.names[j])
		}
	}
	slices.Sort(names)
	return names
}

func (g *graph) remove(i int) {
	g.removed[i] = true
	for _, j := range g.neighbours[i] {
		g.degree[j]--
	}
}

// matching counts edges among what is left of which no two have an end in common, and to which none can be added. Each of them has an end of
// its own among the wrong machines.
func (g *graph) matching() (edges int) {
	matched := slices.Clone(g.removed)
	for i := range g.names {
		for _, j := range g.neighbours[i] {
			if !matched[i] && !matched[j] {
				matched[i], matched[j] = true, true
				edges++
			}
		}
	}
	return edges
}
