package lease

import (
	"flag"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

var (
	seeds     = flag.Int("lease.seeds", defaultSeeds, "how many simulated worlds to run in each test")
	firstSeed = flag.Uint64("lease.first", 0, "the seed of the first world with machines; 0 draws one")
)

// machineShare is how many worlds take about as long as one with machines.
const machineShare = 2

// Each world is 20 s long, with two to four candidates and everything that can go wrong. The
// invariants are checked after every event: see world.examine, node.acquired, node.act and
// world.write.
func TestInNoWorldTwoHoldTheLeaseAtTheSameTrueInstant(t *testing.T) {
	seen := map[string]int{}
	for seed := range *seeds {
		w := newWorld(uint64(seed), 2+seed%3, everything)
		require.NoError(t, w.run(20*time.Second), "seed %d", seed)
		for what, n := range w.count {
			seen[what] += n
		}
	}
	t.Log(seen)
	for _, what := range []string{
		"acquired", "renewed", "lost", "released", "crash", "pause", "disruption", "lost request", "lost reply", "late request",
		"acted", "refused to act", "zombie refused", "raised", "above a floor", "floor beyond the expiry", "no timestamp left",
	} {
		require.Positive(t, seen[what], "no world had this: %s", what)
	}
}

// When nothing goes wrong any more somebody holds the lease soon, whatever has happened before.
func TestAfterTheFaultsSomebodyHoldsTheLease(t *testing.T) {
	for seed := range *seeds / 4 {
		w := newWorld(uint64(seed), 3, everything)
		require.NoError(t, w.run(8*time.Second), "seed %d", seed)
		w.faults = faults{}
		// Pauses and refusals end, late requests arrive, and then a lease runs out.
		require.NoError(t, w.run(15*time.Second), "seed %d", seed)
		acted := w.count["acted"]
		require.NoError(t, w.run(3*time.Second), "seed %d", seed)
		require.Greater(t, w.count["acted"], acted, "seed %d", seed)
	}
}

// The holder reads its clock, renews, and crashes. It asks for Earliest + ttl, which is ttl from
// then at most; a candidate knows by 2ε of its own later, at most, that this has passed; and a
// round trip follows. Where both have the same ε that is ttl + ε_holder + ε_candidate + a round
// trip.
func TestTakeOverTakesNoLongerThanTTLUncertaintyAndARoundTrip(t *testing.T) {
	closest := worldTTL
	for seed := range *seeds {
		w := newWorld(uint64(seed), 2+seed%3, faults{})
		if seed%2 == 0 {
			for _, n := range w.nodes {
				n.clock.epsilon = w.nodes[0].clock.epsilon
			}
		}
		require.NoError(t, w.run(3*worldTTL+w.upTo(worldTTL)), "seed %d", seed)
		var dead *node
		for _, n := range w.nodes {
			if n.mayHold() {
				dead = n
			}
		}
		require.NotNil(t, dead, "seed %d", seed)
		dead.life++ // a crash, for ever
		dead.holder = false
		require.NoError(t, w.run(4*worldTTL), "seed %d", seed)
		var took time.Duration
		for _, o := range w.history {
			if o.Input.(operation).acquired == dead.token+1 {
				took = truetime.Time(o.Return).Sub(dead.read)
			}
		}
		require.Positive(t, took, "seed %d: nobody took over", seed)
		epsilon := worldEpsilon // of the best candidate
		for _, n := range w.nodes {
			if n != dead {
				epsilon = min(epsilon, n.clock.epsilon)
			}
		}
		limit := worldTTL + 2*epsilon + 2*worldDelay + 1 // strictly after the expiry
		require.LessOrEqual(t, took, limit, "seed %d, ε %v", seed, epsilon)
		closest = min(closest, limit-took)
	}
	t.Logf("the slowest was %v below the limit", closest)
}

// operation is one that porcupine sees: exactly one field is set.
type operation struct {
	acquired, released, checked, written Token
}

// model is a lease and a fenced resource as one would write them down: acquiring counts up, a check
// succeeds only for the present holder, and a write is accepted unless a higher token has written.
var model = porcupine.Model{
	Init: func() any { return modelState{} },
	Step: func(state, input, output any) (bool, any) {
		s, o, ok := state.(modelState), input.(operation), output.(bool)
		switch {
		case o.acquired != 0:
			if o.acquired <= s.token {
				return false, s
			}
			s.token, s.held = o.acquired, true
			return ok, s
		case o.released != 0:
			if o.released == s.token {
				s.held = false
			}
			return ok, s
		case o.checked != 0:
			return ok == (s.held && o.checked == s.token), s
		}
		accepted := o.written >= s.written
		if accepted {
			s.written = o.written
		}
		return ok == accepted, s
	},
}

type modelState struct {
	token, written Token
	held           bool
}

func TestHistoriesAreLinearizable(t *testing.T) {
	operations := 0
	for seed := range *seeds / 4 {
		w := newWorld(uint64(seed), 2+seed%3, everything)
		require.NoError(t, w.run(20*time.Second), "seed %d", seed)
		require.True(t, porcupine.CheckOperations(model, w.history), "seed %d", seed)
		operations += len(w.history)
	}
	t.Logf("%d operations", operations)
}

// Two holders at a time are what the checker is for.
func TestTheModelRefusesTwoHolders(t *testing.T) {
	at := func(from, to int64, o operation) porcupine.Operation {
		return porcupine.Operation{ClientId: int(from), Input: o, Call: from, Return: to, Output: true}
	}
	require.True(t, porcupine.CheckOperations(model, []porcupine.Operation{
		at(1, 3, operation{acquired: 1}), at(4, 4, operation{checked: 1}), at(5, 8, operation{acquired: 2}), at(7, 7, operation{checked: 1}),
	}))
	require.False(t, porcupine.CheckOperations(model, []porcupine.Operation{
		at(1, 3, operation{acquired: 1}), at(5, 8, operation{acquired: 2}), at(9, 9, operation{checked: 1}),
	}))
	require.False(t, porcupine.CheckOperations(model, []porcupine.Operation{
		at(1, 3, operation{acquired: 2}), at(4, 4, operation{written: 2}), at(5, 5, operation{written: 1}),
	}))
}

func TestTheStateIsHeldBeforeTheExpiryAndExpiredAfterIt(t *testing.T) {
	for _, c := range []struct {
		earliest, latest, expiry truetime.Time
		want                     State
	}{
		{10, 20, 21, Held},
		{10, 20, 20, Uncertain},
		{10, 20, 15, Uncertain},
		{10, 20, 10, Uncertain},
		{10, 20, 9, Expired},
		{20, 10, 30, Uncertain}, // not an interval
		{0, 0, 30, Uncertain},   // nor this
	} {
		require.Equal(t, c.want, stateAt(truetime.Interval{Earliest: c.earliest, Latest: c.latest}, c.expiry), "%+v", c)
	}
}
