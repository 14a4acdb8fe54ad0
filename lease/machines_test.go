package lease

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// newMachines returns a world whose nodes live on machines with clocks of this library: they poll
// three servers, of which one may lie, over paths that may be lopsided, and their counters drift as
// far as is declared. The other servers are wrong by as much as they claim, so that intervals have
// true time at an edge.
func newMachines(seed uint64, nodes int, f faults) *world {
	w := newWorld(seed, 0, f)
	w.outer = truetimetest.NewWorld(seed)
	w.now = w.outer.Now()
	var servers []*truetimetest.Server
	for i := range 3 {
		claim := 1 + w.upTo(worldEpsilon/2)
		behavior := truetimetest.Steady([]time.Duration{-claim, 0, claim}[w.rng.IntN(3)], claim)
		if i == 0 && w.chance(0.5) {
			behavior = truetimetest.Anywhere(worldEpsilon, claim)
		}
		servers = append(servers, w.outer.NewServer(fmt.Sprint("s", i), behavior))
	}
	for id := range nodes {
		setup := truetimetest.MachineConfig{
			Oscillator: truetimetest.Constant([]float64{-200, 0, 200}[w.rng.IntN(3)]),
			Poll:       time.Second,
			MaxPoll:    4 * time.Second,
		}
		for _, s := range servers {
			there, back := truetimetest.Leg{Spread: 1 + w.upTo(worldEpsilon/8)}, truetimetest.Leg{Spread: 1 + w.upTo(worldEpsilon/8), Loss: 0.05}
			setup.Sources = append(setup.Sources, truetimetest.Link{Server: s, Path: truetimetest.Path{There: there, Back: back}})
		}
		n := &node{world: w, id: id, machine: w.outer.NewMachine(fmt.Sprint("m", id), setup)}
		n.config = config{clock: n.machine, maxUncertainty: worldEpsilon}
		w.nodes = append(w.nodes, n)
		w.after(w.upTo(worldTTL), n.begin)
		w.after(w.upTo(4*worldTTL), func() { n.disturb(servers) })
	}
	return w
}

// disturb has something happen to the node's machine, again and again.
func (n *node) disturb(servers []*truetimetest.Server) {
	w, m, d := n.world, n.machine, n.world.upTo(3*worldTTL)
	w.after(w.upTo(8*worldTTL), func() { n.disturb(servers) })
	if w.faults == (faults{}) {
		return
	}
	sleeps := func(what string) {
		w.count[what]++
		n.paused = max(n.paused, w.now.Add(d))
	}
	switch w.rng.IntN(5) {
	case 0:
		sleeps("machine paused")
		m.Pause(d)
	case 1:
		sleeps("machine suspended")
		m.Suspend(d)
	case 2:
		sleeps("machine restored")
		m.Restore(d, true)
	case 3:
		w.count["servers cut"]++
		for _, s := range servers[:w.rng.IntN(len(servers))+1] {
			m.Cut(s, 4*d)
		}
	default:
		if w.now < n.paused {
			return // it cannot be killed while it sleeps
		}
		m.Restart()
		n.crash()
	}
}

// The protocol on simulated machines whose clocks are the real thing, each world 30 s long. Never
// may two call the lease Held at the same true instant, whether their clocks answer, refuse or
// begin again; and where a machine has been suspended and does not know it yet, so that its clock
// is wrong, the fence refuses what it writes after its successor. The invariants are those of the
// other worlds, and porcupine's.
func TestOnMachinesThatAreSuspendedRestoredAndCutOffOneHoldsTheLease(t *testing.T) {
	first := *firstSeed
	if first == 0 {
		first = rand.Uint64N(1 << 32)
	}
	seen := map[string]int{}
	for seed := first; seed < first+uint64(*seeds/machineShare); seed++ {
		w := newMachines(seed, 2+int(seed%3), everything)
		require.NoError(t, w.run(30*time.Second), "the same again: go test ./lease -run TestOnMachines -lease.first %d", seed)
		require.True(t, porcupine.CheckOperations(model, w.history), "-lease.first %d", seed)
		for what, n := range w.count {
			seen[what] += n
		}
	}
	t.Logf("from seed %d: %v", first, seen)
	for _, what := range []string{
		"acquired", "renewed", "released", "crash", "lost request", "lost reply", "late request", "acted", "refused to act", "zombie refused",
		"machine paused", "machine suspended", "machine restored", "servers cut", "fooled",
		"raised", "above a floor",
	} {
		require.Positive(t, seen[what], "no world had this: %s", what)
	}
}
