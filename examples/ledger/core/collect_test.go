package core

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

// accountOf returns the name of an account that lives on the shard.
func accountOf(shard int) string {
	for i := 0; ; i++ {
		if a := fmt.Sprint("a", i); ShardOf(a, shards) == shard {
			return a
		}
	}
}

// pair starts one node with an account of 10 on shards 0 and 1. Shard 1 coordinates what touches
// both. With patience, the other asks after what it has not heard of for so long.
func pair(t *testing.T, patience time.Duration) (c *cluster, participant, coordinator *leader, move Transaction) {
	t.Helper()
	c = start(t, vfs.NewMem(), []*clock{{}}, func(i int, c *Config) {
		steady(i, c)
		c.Patience = patience
	})
	from, to := accountOf(0), accountOf(1)
	// One after the other, so that both shards have a leader: a transaction of two shards is off if
	// one has none, while that of a single shard is tried again until there is one.
	for _, account := range []string{from, to} {
		_, err := c.client.Transact(t.Context(), Transaction{ID: "open-" + account, Changes: []Change{{Account: account, Delta: 10, Open: true}}})
		require.NoError(t, err)
	}
	return c, c.nodes[0].leader(0), c.nodes[0].leader(1), Transfer("move", from, to, 3)
}

// later is after all that has been decided.
func later() truetime.Time { return truetime.FromStd(time.Now()).Add(time.Second) }

func (c *cluster) keys(l *leader, prefix func(int) string) int {
	c.t.Helper()
	found, err := c.engine.Read(c.t.Context(), engine.Prefix(prefix(l.shard)))
	require.NoError(c.t, err)
	return len(found[0])
}

func decidedPrefix(shard int) string { return decidedKey(shard, "") }

func TestDecisionsAreForgottenAndLateVotesRefused(t *testing.T) {
	c, participant, coordinator, move := pair(t, time.Hour)
	begun := truetime.FromStd(time.Now())
	_, err := c.client.Transact(t.Context(), move)
	require.NoError(t, err)
	require.NoError(t, coordinator.collectDecisions(1), "nothing is that old")
	require.Equal(t, 2, c.keys(coordinator, decidedPrefix))
	require.NoError(t, coordinator.collectDecisions(later()))
	require.NoError(t, participant.collectDecisions(later()))
	require.Zero(t, c.keys(coordinator, decidedPrefix))
	require.Zero(t, c.keys(participant, decidedPrefix))
	require.Zero(t, c.keys(participant, preparedPrefix))
	_, err = participant.prepare(t.Context(), prepareRequest{ballot(move.ID, coordinator.shard), coordinator.shard, begun, move.Changes[:1]})
	require.ErrorIs(t, err, ErrAborted)
	s, err := c.client.Read(t.Context(), ReadRequest{Accounts: []string{accountOf(0), accountOf(1)}})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{accountOf(0): 7, accountOf(1): 13}, s.Balances)
}

// The participant never heard of the commit, as after a crash of the coordinator.
func TestCommitIsCarriedOutBeforeItIsForgotten(t *testing.T) {
	for _, busy := range []bool{false, true} {
		c, participant, coordinator, move := pair(t, time.Hour)
		v, err := participant.prepare(t.Context(), prepareRequest{ballot(move.ID, coordinator.shard), coordinator.shard, later(), move.Changes[:1]})
		require.NoError(t, err)
		d, err := coordinator.commit(t.Context(), move, move.Changes[1:], v.Timestamp, v.Balances)
		require.NoError(t, err)
		if busy {
			unlock, err := participant.locks.acquire(t.Context(), "id "+ballot(move.ID, coordinator.shard))
			require.NoError(t, err)
			require.NoError(t, coordinator.collectDecisions(later()))
			require.Equal(t, 1, c.keys(coordinator, decidedPrefix), "the participant could not be told")
			require.Equal(t, 1, c.keys(participant, preparedPrefix))
			unlock()
			continue
		}
		require.NoError(t, coordinator.collectDecisions(later()))
		require.Zero(t, c.keys(coordinator, decidedPrefix))
		require.Zero(t, c.keys(participant, preparedPrefix))
		s, err := c.client.Read(t.Context(), ReadRequest{Accounts: []string{accountOf(0), accountOf(1)}, At: d.Timestamp})
		require.NoError(t, err)
		require.Equal(t, map[string]int64{accountOf(0): 7, accountOf(1): 13}, s.Balances)
	}
}

// The coordinator ends between the commit and telling of it. The participant asks, also if it was
// started again meanwhile.
func TestParticipantAsksWhatItWasNotTold(t *testing.T) {
	for _, committed := range []bool{false, true} {
		c, participant, coordinator, move := pair(t, 100*time.Millisecond)
		c.silent.Store(true) // or it asks before the commit, and the coordinator decides that it is off
		v, err := participant.prepare(t.Context(), prepareRequest{ballot(move.ID, coordinator.shard), coordinator.shard, later(), move.Changes[:1]})
		require.NoError(t, err)
		want := map[string]int64{accountOf(0): 10, accountOf(1): 10}
		if committed {
			_, err := coordinator.commit(t.Context(), move, move.Changes[1:], v.Timestamp, v.Balances)
			require.NoError(t, err)
			want = map[string]int64{accountOf(0): 7, accountOf(1): 13}
		}
		c.silent.Store(false)
		participant.end(errCrashed)
		s, err := c.client.Read(t.Context(), ReadRequest{Accounts: []string{accountOf(0), accountOf(1)}})
		require.NoError(t, err)
		require.Equal(t, want, s.Balances)
		require.Zero(t, c.keys(participant, preparedPrefix))
	}
}

// Of each account the version as of the horizon is kept, and those after it.
func TestOnlyVersionsThatNobodyCanSeeAreCollected(t *testing.T) {
	c, l := open(t, &clock{}, nil)
	var at []truetime.Time
	for i := range 5 {
		r, err := c.client.Transact(t.Context(), deposit(fmt.Sprint(i)))
		require.NoError(t, err)
		at = append(at, r.Timestamp)
	}
	for _, step := range []struct {
		horizon truetime.Time
		left    int
	}{{at[0] - 1, 6}, {at[2] - 1, 4}, {at[2], 3}, {at[1], 3}, {at[4] + 1, 1}} {
		require.NoError(t, l.collectVersions(step.horizon))
		require.Equal(t, step.left, c.keys(l, versionsPrefix))
	}
	balances, err := l.read(t.Context(), readRequest{at[4] + 1, alice})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"alice": 15}, balances)
}

// Between the look at what has been forgotten and the vote, more is forgotten.
func TestVoteIsRefusedIfItsDecisionIsForgottenMeanwhile(t *testing.T) {
	var meddle func()
	c, l := open(t, &clock{}, func(_ int, c *Config) {
		c.Pause = func(step Step, _ string) error {
			if f := meddle; step == BeforeWrite && f != nil {
				meddle = nil
				f()
			}
			return nil
		}
	})
	meddle = func() {
		require.NoError(t, c.engine.Apply(t.Context(), engine.Batch{Put: []engine.Pair{put(forgottenKey(l.shard), later())}}))
	}
	_, err := l.prepare(t.Context(), prepareRequest{ID: "x", Coordinator: l.shard, Begun: truetime.FromStd(time.Now()), Changes: deposit("x").Changes})
	require.ErrorIs(t, err, ErrAborted)
	_, err = c.client.Transact(t.Context(), deposit("y"))
	require.NoError(t, err, "its locks are free again")
}
