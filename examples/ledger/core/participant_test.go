package core

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

func TestFirstDecisionStands(t *testing.T) {
	_, l := open(t, &clock{}, nil)
	require.NoError(t, l.decide("x", decision{Timestamp: 7}, engine.Batch{}))
	require.ErrorIs(t, l.decide("x", decision{Refused: "aborted"}, engine.Batch{Put: []engine.Pair{{Key: "more", Value: []byte("x")}}}), engine.ErrConflict)
	d, known, err := l.decided("x")
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, decision{Timestamp: 7}, d)
	found, err := l.node.engine.Read(t.Context(), engine.Key("more"))
	require.NoError(t, err)
	require.Empty(t, found[0])
	require.NoError(t, l.ctx.Err(), "the fence is ours: no reason to end the term")
}

// A message of the first phase that is overtaken by one of the second must not count: it would lock
// the accounts until it is carried out a second time.
func TestVoteAfterTheDecisionIsRefused(t *testing.T) {
	for _, d := range []decision{{Refused: "aborted"}, {}} {
		c, l := open(t, &clock{}, nil)
		c.silent.Store(true) // or it asks after its vote before it is told
		r := prepareRequest{ID: "x", Coordinator: l.shard, Changes: deposit("x").Changes}
		want := int64(10)
		if d.Refused == "" {
			v, err := l.prepare(t.Context(), r)
			require.NoError(t, err)
			d.Timestamp = v.Timestamp
			want = 11
		}
		_, err := l.finish(t.Context(), finishRequest{"x", d})
		require.NoError(t, err)
		_, err = l.prepare(t.Context(), r)
		require.ErrorIs(t, err, ErrAborted)
		_, err = l.finish(t.Context(), finishRequest{"x", d})
		require.NoError(t, err, "told twice")
		balances, err := l.balances(deposit("y").Changes)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"alice": want + 1}, balances)
	}
}

// Asked after a transaction of which it knows nothing, the coordinator decides that it is off, and
// the request that comes late is refused.
func TestOutcomeOfWhatWasNeverDecidedIsThatItIsOff(t *testing.T) {
	c, l := open(t, &clock{}, nil)
	d, err := l.outcome(t.Context(), "late")
	require.NoError(t, err)
	require.Equal(t, "aborted", d.Refused)
	_, err = c.client.Transact(t.Context(), deposit("late"))
	require.ErrorIs(t, err, ErrAborted)
}

// An outcome is told when its timestamp has passed, and not before.
func TestOutcomeIsToldWhenItsTimestampHasPassed(t *testing.T) {
	c, l := open(t, &clock{epsilon: time.Millisecond}, nil)
	now, err := c.clocks[0].Now()
	require.NoError(t, err)
	ahead := now.Latest.Add(60 * time.Millisecond)
	require.NoError(t, l.decide("x", decision{Timestamp: ahead}, engine.Batch{}))
	d, err := l.outcome(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, ahead, d.Timestamp)
	now, err = c.clocks[0].Now()
	require.NoError(t, err)
	require.Greater(t, now.Earliest, ahead)
}

// A vote may be carried out later than it is given, and never earlier than it promises.
func TestCommitIsNotBeforeAnyVote(t *testing.T) {
	c, l := open(t, &clock{}, nil)
	floor := truetime.FromStd(time.Now()).Add(50 * time.Millisecond)
	d, err := l.commit(t.Context(), deposit("x"), deposit("x").Changes, floor, map[string]int64{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, d.Timestamp, floor)
	now, err := c.clocks[0].Now()
	require.NoError(t, err)
	require.Greater(t, now.Earliest, d.Timestamp, "it was to be waited for")
}

// What a client was told is off stays off, also if the request had been sent twice.
func TestRefusalIsForEver(t *testing.T) {
	c, _ := open(t, &clock{}, nil)
	poor := Transaction{ID: "poor", Changes: []Change{{Account: "alice", Delta: -11}}}
	_, err := c.client.Transact(t.Context(), poor)
	require.ErrorIs(t, err, ErrInsufficientFunds)
	_, err = c.client.Transact(t.Context(), deposit("rich"))
	require.NoError(t, err)
	_, err = c.client.Transact(t.Context(), poor)
	require.ErrorIs(t, err, ErrInsufficientFunds)
}

// An id must not be used twice. If it is, also for transactions of different coordinators and at
// the worst of moments, one of them may be refused, and no money is made or lost.
func TestIDThatIsUsedTwiceMakesNoMoney(t *testing.T) {
	c, participant, coordinator, first := pair(t, 100*time.Millisecond)
	c.silent.Store(true) // or the participant asks before the commit, and the coordinator decides that it is off
	v, err := participant.prepare(t.Context(), prepareRequest{ballot(first.ID, coordinator.shard), coordinator.shard, later(), first.Changes[:1]})
	require.NoError(t, err)
	_, err = participant.prepare(t.Context(), prepareRequest{ballot(first.ID, coordinator.shard), coordinator.shard, later(), []Change{{Account: accountOf(0), Delta: -9}}})
	require.ErrorIs(t, err, ErrAborted)
	_, err = participant.prepare(t.Context(), prepareRequest{ballot(first.ID, 2), 2, later(), []Change{{Account: "b" + accountOf(0), Delta: 9, Open: true}}})
	require.NoError(t, err, "it is another ballot")
	_, err = participant.finish(t.Context(), finishRequest{ballot(first.ID, 2), decision{Refused: "aborted"}})
	require.NoError(t, err)
	alone := Transaction{ID: first.ID, Changes: []Change{{Account: "c" + accountOf(0), Open: true}}}
	_, err = c.client.Transact(t.Context(), alone)
	require.NoError(t, err)

	_, err = coordinator.commit(t.Context(), first, first.Changes[1:], v.Timestamp, v.Balances)
	require.NoError(t, err)
	c.silent.Store(false)
	s, err := c.client.Read(t.Context(), ReadRequest{Accounts: []string{accountOf(0), accountOf(1)}})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{accountOf(0): 7, accountOf(1): 13}, s.Balances)
}

func TestVoteIsGivenOnceAndToldAgain(t *testing.T) {
	c, l := open(t, &clock{}, nil)
	c.silent.Store(true) // or it asks after its vote before it is given again
	r := prepareRequest{ID: "x", Coordinator: l.shard, Begun: later(), Changes: deposit("x").Changes}
	first, err := l.prepare(t.Context(), r)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again, err := l.prepare(ctx, r)
	require.NoError(t, err)
	require.Equal(t, first, again)
}

// Only votes are asked after: what this shard coordinates itself it decides.
func TestOnlyVotesAreAskedAfter(t *testing.T) {
	_, l := open(t, &clock{}, nil)
	own, err := l.issue("own", 0)
	require.NoError(t, err)
	l.mu.Lock()
	own.since = time.Now().Add(-time.Hour)
	l.mu.Unlock()
	require.Empty(t, l.undecided())
	l.forget("own")
}
