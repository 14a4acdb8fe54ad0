package fleet

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

var (
	machineRounds = flag.Int("machinerounds", race.Count(60_000, 4_000), "how many rounds of one machine to simulate")
	worldSeed     = flag.Uint64("seed", 0, "the seed of the first simulated fleet; 0 draws one")
)

// A fault is what is wrong with a machine.
type fault int

const (
	none       fault = iota
	offset           // its clock is off by always the same
	oscillator       // its clock drifts away while it claims what it did
	colluding        // its clock is off by the same as those of its friends
	split            // it answers each peer differently
	forging          // its clock is right, and it forges edges with machines that are right
	offForging       // both: its clock is off, and it forges
	cloning          // its clock is off, and it says that it is another machine, or the one that asks
	mute             // it says nothing
)

func (f fault) String() string {
	return [...]string{"none", "offset", "oscillator", "colluding", "split", "forging", "offset and forging", "cloning", "mute"}[f]
}

const (
	largestError = 2 * time.Millisecond // that a clock that is right claims
	longestWay   = 500 * time.Microsecond
	roundLength  = time.Second
	friends      = 50 * time.Millisecond // by which colluding clocks are off
)

// simulated is a machine with its clock.
type simulated struct {
	*Machine
	config Config
	world  *world
	fault  fault
	claim  time.Duration // half the width of its interval
	error  time.Duration // of its middle
	away   time.Duration // by which it drifts in a round
	group  int           // that can reach each other while the network is parted

	off       int // the round since which its clock contradicts those that are right, 0 for not
	named     int // the round in which it was named by all edges together, 0 for not
	everybody int // the round in which every machine that is right named it, 0 for not
}

// world is a fleet whose seed decides everything.
type world struct {
	seed     uint64
	random   *rand.Rand
	machines []*simulated
	now      time.Duration // true time
	round    int
	probes   int

	parted         bool
	loss, restarts float64 // how probable a loss is, and a restart in a round
}

const epoch = truetime.Time(1_800_000_000_000_000_000)

func (s *simulated) read(at time.Duration, by string) truetime.Interval {
	off := s.error
	if s.fault == split {
		r := rand.New(rand.NewPCG(s.world.seed, uint64(len(by))+uint64(by[len(by)-1])<<8+uint64(by[len(by)-2])<<16))
		off += time.Duration(r.Int64N(int64(200*time.Millisecond))) - 100*time.Millisecond
	}
	if s.fault == oscillator {
		off += time.Duration(s.world.round) * s.away
	}
	middle := epoch.Add(at + off)
	return truetime.Interval{Earliest: middle.Add(-s.claim), Latest: middle.Add(s.claim)}
}

// contradictsAll reports whether a clock contradicts every one that is right.
func (s *simulated) contradictsAll() bool {
	const certainly = 2*largestError + 4*longestWay
	i, truth := s.read(s.world.now, "??"), epoch.Add(s.world.now)
	return s.fault != split && s.fault != cloning && s.fault != mute && (i.Earliest.Sub(truth) > certainly || truth.Sub(i.Latest) > certainly)
}

// edges are what a machine tells a peer of.
func (s *simulated) edges(now time.Duration) []Edge {
	if s.fault != forging && s.fault != offForging {
		return s.Edges(now)
	}
	var forged []Edge
	for range 30 {
		victim := s.world.machines[s.world.random.IntN(len(s.world.machines))]
		run := victim.config.Run
		if s.world.random.IntN(5) == 0 {
			run++
		}
		forged = append(forged, Edge{PlaceOf(entryOf(victim.config.Name)), run, time.Second, 0})
	}
	return forged
}

// start starts its daemon. In every other world machines know where they are.
func (s *simulated) start() {
	s.Machine = New(s.config)
	if s.world.seed%2 == 0 {
		s.Myself(entryOf(s.config.Name))
	}
}

// entryOf is where a machine is asked. No name is an entry.
func entryOf(name string) string { return name + ":1" }

func newWorld(seed uint64, n, faulty, bad int, kinds []fault) *world {
	w := &world{seed: seed, random: rand.New(rand.NewPCG(seed, 1))}
	var entries []string
	for i := range n {
		entries = append(entries, entryOf(fmt.Sprintf("m%04d", i)))
	}
	for i := range n {
		name := fmt.Sprintf("m%04d", i)
		s := &simulated{world: w, group: w.random.IntN(2), claim: largestError/20 + time.Duration(w.random.Int64N(int64(largestError-largestError/20)))}
		s.error = time.Duration((2*w.random.Float64() - 1) * float64(s.claim))
		s.config = Config{Name: name, Run: Run(i + 1), Peers: entries, Faulty: faulty, Random: DefaultRandom, Seed: seed}
		s.start()
		w.machines = append(w.machines, s)
	}
	for i, at := range w.random.Perm(n)[:bad] {
		s := w.machines[at]
		s.fault = kinds[i%len(kinds)]
		far := time.Duration(w.random.Int64N(int64(10*time.Second))) + 20*time.Millisecond
		switch s.fault {
		case offset, offForging, cloning:
			s.error = far * time.Duration(1-2*w.random.IntN(2))
		case oscillator:
			s.away = time.Duration(w.random.Int64N(int64(2*time.Millisecond))) + time.Millisecond
		case colluding:
			s.error = friends
		}
	}
	return w
}

// step lets every machine have a round, in a random order.
func (w *world) step() {
	w.round++
	w.now = time.Duration(w.round) * roundLength
	for _, s := range w.machines {
		if s.fault != none && s.off == 0 && s.contradictsAll() {
			s.off = w.round
		}
		if w.random.Float64() < w.restarts {
			s.config.Run += 10_000
			s.start()
			s.named, s.everybody = 0, 0
		}
	}
	for _, i := range w.random.Perm(len(w.machines)) {
		s := w.machines[i]
		for _, entry := range s.Round() {
			w.probes++
			w.exchange(s, entry)
		}
	}
}

func (w *world) way() time.Duration { return time.Duration(w.random.Int64N(int64(longestWay))) }

func (w *world) exchange(s *simulated, entry string) {
	var number int
	_, _ = fmt.Sscanf(entry, "m%d", &number)
	peer := w.machines[number]
	if peer.fault == mute || w.parted && peer.group != s.group || w.random.Float64() < w.loss {
		s.Unanswered(entry, "")
		return
	}
	sent := w.now
	read := sent + w.way()
	got := read + w.way()
	edges := peer.edges(w.now)
	name, run := peer.config.Name, peer.config.Run
	if peer.fault == cloning && peer != s && w.random.IntN(3) > 0 { // nobody lies to himself, or he would take himself for two
		as := w.machines[w.random.IntN(len(w.machines))]
		if w.random.IntN(2) == 0 {
			as = s
		}
		name, run = as.config.Name, as.config.Run
	}
	s.Answered(entry, w.now, Exchange{Before: s.read(sent, "??"), After: s.read(got, "??"), RoundTrip: got - sent, Reply: Reply{
		Name: name, Run: run, Interval: peer.read(read, s.config.Name), Machines: peer.Machines(), Faulty: peer.Faulty(),
		Edges: edges[:min(len(edges), 30)], Complete: len(edges) <= 30}})
}

// together is what all machines' own edges prove: what Prometheus sees.
func (w *world) together() Verdict {
	known := map[Place]Config{}
	for _, s := range w.machines {
		known[PlaceOf(entryOf(s.config.Name))] = s.config
	}
	var pairs []Pair
	for _, s := range w.machines {
		for _, e := range s.edges(w.now) {
			if known[e.Machine].Run == e.Run {
				pairs = append(pairs, Pair{s.config.Name, known[e.Machine].Name})
			}
		}
	}
	return Convict(pairs, w.machines[0].Faulty())
}

// check looks who is named, and fails the test if that is a machine that is right, or if more are wrong than was assumed.
func (w *world) check(t *testing.T, all bool) {
	t.Helper()
	where := func() string { return fmt.Sprintf("seed %d, round %d, n %d", w.seed, w.round, len(w.machines)) }
	by := map[string]*simulated{}
	for _, s := range w.machines {
		by[s.config.Name], by[entryOf(s.config.Name)] = s, s
	}
	names := func(v Verdict, who string) []string {
		if v.TooMany {
			t.Fatalf("%s: %s takes more machines for wrong than there are", where(), who)
		}
		for _, name := range v.Names() {
			if machine := by[name]; machine == nil || machine.fault == none {
				t.Fatalf("%s: %s convicts %s, which is right: %v", where(), who, name, v)
			}
		}
		return v.Names()
	}
	for _, name := range names(w.together(), "everybody together") {
		if by[name].named == 0 {
			by[name].named = w.round
		}
	}
	for _, s := range w.machines {
		if s.fault == none && len(s.Alone(w.now)) > 0 {
			t.Fatalf("%s: %s, which is right, is told that it is wrong", where(), s.config.Name)
		}
	}
	if !all {
		return
	}
	count, right := map[string]int{}, 0
	for _, s := range w.machines {
		found := names(s.Verdict(w.now), s.config.Name)
		if s.fault != none {
			continue
		}
		right++
		for _, name := range found {
			count[by[name].config.Name]++
		}
	}
	for name, n := range count {
		if n == right && by[name].everybody == 0 {
			by[name].everybody = w.round
		}
	}
}

func median(of []int) int {
	if len(of) == 0 {
		return -1
	}
	slices.Sort(of)
	return of[len(of)/2]
}

// TestFleets runs random fleets. Nobody who is right is convicted, and whoever contradicts all that are right is named within three rounds, in
// the median.
func TestFleets(t *testing.T) {
	seed := *worldSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	kinds := []fault{offset, oscillator, colluding, split, forging, offForging, cloning, mute}
	shapes := []struct{ n, faulty, rounds, every, pass int }{{10, Minority, 40, 1, 1}, {10, 3, 40, 1, 1}, {100, 5, 50, 5, 1}, {100, Minority, 50, 5, 1}, {1000, 10, 30, 10, 10}}
	together, everybody, unnamed := map[string][]int{}, map[string][]int{}, map[string]int{}
	probes := map[int][]float64{}
	for pass, done := 0, 0; done < *machineRounds; pass, seed = pass+1, seed+1 {
		r := rand.New(rand.NewPCG(seed, 2))
		for _, shape := range shapes {
			if pass%shape.pass != shape.pass-1 || done >= *machineRounds {
				continue
			}
			most := min((Config{Faulty: shape.faulty}).faultyOf(shape.n), 12)
			w := newWorld(seed, shape.n, shape.faulty, 1+r.IntN(most), []fault{kinds[r.IntN(len(kinds))], kinds[r.IntN(len(kinds))]})
			troubled := ""
			switch r.IntN(4) {
			case 0:
				w.loss, troubled = 0.3, " with 30 % loss"
			case 1:
				w.restarts, troubled = 0.01, " with restarts"
			case 2:
				troubled = " with a partition"
			}
			for range shape.rounds {
				w.parted = troubled == " with a partition" && w.round >= 2 && w.round < 2+shape.rounds/3
				w.step()
				w.check(t, w.round%shape.every == 0)
			}
			done += shape.n * shape.rounds
			probes[shape.n] = append(probes[shape.n], float64(w.probes)/float64(shape.n*shape.rounds))
			key := fmt.Sprintf("n %4d, f %2d%s", shape.n, w.machines[0].Faulty(), troubled)
			for _, s := range w.machines {
				switch {
				case s.off == 0 || troubled == " with restarts":
				case s.named == 0:
					unnamed[key]++
				default:
					together[key] = append(together[key], max(1, s.named-s.off+1))
					if s.everybody > 0 {
						everybody[key] = append(everybody[key], max(1, s.everybody-s.off+1))
					}
				}
			}
		}
	}
	var swift []int // with at most ten that may be wrong, and everybody within reach
	for _, key := range slices.Sorted(maps.Keys(together)) {
		t.Logf("%-33s %4d wrong ones; named by all together after %d rounds in the median and %d at most, %d not yet; by each alone, %d of them, after %d", key,
			len(together[key])+unnamed[key], median(together[key]), slices.Max(together[key]), unnamed[key], len(everybody[key]), median(everybody[key]))
		if !strings.Contains(key, "partition") && !strings.Contains(key, "f 49") && !strings.Contains(key, "f 50") {
			swift = append(swift, together[key]...)
			swift = append(swift, slices.Repeat([]int{math.MaxInt}, unnamed[key])...)
		}
	}
	require.LessOrEqual(t, median(swift), 3, "seed %d", seed)
	require.True(t, len(swift) > 0 || *machineRounds < 10_000, "seed %d: only a few rounds can have none such", seed)
	for _, n := range slices.Sorted(maps.Keys(probes)) {
		t.Logf("n %4d: %.2f requests of a machine in a round", n, slices.Max(probes[n]))
		require.LessOrEqual(t, slices.Max(probes[n]), float64(2+DefaultRandom))
	}
}

func (c Config) faultyOf(n int) int {
	if c.Faulty == Minority {
		return (n - 1) / 2
	}
	return c.Faulty
}
