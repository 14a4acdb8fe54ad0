package kv

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
)

var (
	seeds     = flag.Int("seeds", 24, "how many fault schedules")
	firstSeed = flag.Uint64("seed", 1, "the first of them")
)

// live has clients and faults in a world for some seconds of its time.
func live(w *world, keys int, lasting time.Duration) {
	stop := false
	for range 16 {
		c := &client{w: w, keys: keys, stop: &stop}
		w.in(w.between(0, 10*time.Millisecond), c.ask)
	}
	w.faults(&stop)
	w.edges(&stop)
	if w.habits.future {
		w.future(&stop)
	}
	w.run(lasting)
	stop = true
	w.run(patience + time.Second) // what has not been answered never will be
}

// Under every fault schedule every read sees every write that was told before it.
func TestHistoriesAreLinearizable(t *testing.T) {
	var mu sync.Mutex
	total := counts{refused: map[error]int{}}
	t.Run("worlds", func(t *testing.T) {
		for i := range uint64(*seeds) {
			seed := *firstSeed + i
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, seed, []int{3, 5, 3, 5, 1}[seed%5], drawHabits(seed), rules{})
				live(w, 20, 4*time.Second)
				if result := w.record.check(); result != porcupine.Ok {
					t.Fatalf("%s. Run it again with -run TestHistoriesAreLinearizable -seed %d -seeds 1.\n%s", result, seed, w.record.explain())
				}
				mu.Lock()
				defer mu.Unlock()
				total.add(w.counted)
			})
		}
	})
	t.Logf("%+v", total)
	if *seeds < 20 || t.Failed() {
		return
	}
	for what, n := range map[string]int{
		"reads by a lease": total.leased, "by an inherited one": total.inherited, "by quorum": total.byQuorum, "writes": total.writes,
		"elections": total.elections, "snapshots": total.snapshots, "changes of the configuration": total.changes,
		"transfers": total.transfers, "power failures": total.failures, "revocations": total.revocations,
		"refusals because the lease has expired": total.refused[epsilonraft.ErrExpired], "because of the limbo": total.refused[epsilonraft.ErrLimbo],
		"because the lease is from the future": total.refused[epsilonraft.ErrFromFuture],
		"because of the clock":                 total.refused[epsilonraft.ErrClock], "because another leads": total.refused[epsilonraft.ErrNotLeader],
	} {
		require.NotZero(t, n, "%s: the schedules prove nothing about them", what)
	}
}

// A failure can be had again from its seed.
func TestWorldFollowsFromItsSeed(t *testing.T) {
	var histories [2][]porcupine.Operation
	for i := range histories {
		w := newWorld(t, 3, 5, drawHabits(3), rules{})
		live(w, 20, time.Second)
		histories[i] = w.record.operations
	}
	require.Equal(t, histories[0], histories[1])
}

// What leaves one rule out is found out: otherwise the test above would prove nothing.
func TestEveryRuleIsNeeded(t *testing.T) {
	for name, mutant := range map[string]rules{
		"the expiry":   {ignoreExpiry: true},
		"the deferral": {ignoreDeferral: true},
		"the limbo":    {ignoreLimbo: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objection(t, func(seed uint64) *world { return newWorld(t, seed, 3, habits{voters: 3}, mutant) })
		})
	}
}

// A clock that lies makes reads wrong: what is proved stands on the clocks.
func TestClockBeyondItsBoundIsFoundOut(t *testing.T) {
	objection(t, func(seed uint64) *world {
		w := newWorld(t, seed, 3, habits{voters: 3}, rules{})
		w.members[0].clock.offset = -3 * leaseDuration // it believes that it is earlier, so that its leases end late
		w.members[1].clock.offset = 3 * leaseDuration
		return w
	})
}

// objection requires that the history of one of some worlds is not linearizable.
func objection(t *testing.T, make func(seed uint64) *world) {
	t.Helper()
	for seed := range uint64(40) {
		w := make(seed)
		live(w, 20, 4*time.Second)
		if w.record.check() == porcupine.Illegal {
			t.Logf("seed %d", seed)
			return
		}
	}
	t.Fatal("seeds 0 to 39: no history shows it")
}
