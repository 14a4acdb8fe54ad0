package core

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

// Participants can raise a timestamp above what the clock and the lease would give.
func TestTimestampsRiseAlsoAfterOneThatWasRaised(t *testing.T) {
	_, l := open(t, &clock{}, nil)
	floor := truetime.FromStd(time.Now()).Add(10 * time.Second) // not reached before there is a timestamp
	first, err := l.issue("first", floor)
	require.NoError(t, err)
	require.Equal(t, floor+1, first.from)
	second, err := l.issue("second", 0)
	require.NoError(t, err)
	require.Greater(t, second.from, first.from)
	l.forget("first")
	l.forget("second")
}

func TestNoTimestampReachesBeyondTheLease(t *testing.T) {
	_, l := open(t, &clock{}, nil)
	_, err := l.issue("x", truetime.FromStd(time.Now()).Add(time.Hour))
	require.ErrorIs(t, err, ErrRetry)
	require.NoError(t, l.ctx.Err(), "that is no reason to end the term")
}

// The next leader may have a clock whose Latest is behind a timestamp that was raised.
func TestLeaseIsGivenUpWhenTheLastTimestampHasPassed(t *testing.T) {
	c, l := open(t, &clock{}, func(_ int, c *Config) { c.TTL = time.Hour }) // it does not expire before the test has failed
	c.nodes[0].timeout = time.Minute                                        // nor is it given up too slowly
	raised, err := l.issue("x", truetime.FromStd(time.Now()).Add(150*time.Millisecond))
	require.NoError(t, err)
	l.end(errCrashed)
	require.Eventually(t, func() bool {
		next := c.nodes[0].leader(l.shard)
		return next != nil && next != l
	}, time.Minute, time.Millisecond)
	now, err := c.clocks[0].Now()
	require.NoError(t, err)
	require.Greater(t, now.Earliest, raised.from)
}

func TestTermThatIsOverIssuesNothing(t *testing.T) {
	_, l := open(t, &clock{}, nil)
	l.end(errCrashed)
	_, err := l.issue("x", 0)
	require.ErrorIs(t, err, ErrRetry)
	require.ErrorIs(t, l.safeAt(t.Context(), oldest), ErrRetry)
}

// Somebody else leads, and this leader finds out when it writes.
func TestLeaderThatWasOvertakenEndsItsTerm(t *testing.T) {
	c, l := open(t, &clock{}, nil)
	require.NoError(t, c.engine.Apply(t.Context(), engine.Batch{Put: []engine.Pair{{Key: l.fence.Key, Value: []byte("99")}}}))
	require.ErrorIs(t, l.decide("x", decision{}, engine.Batch{}), ErrRetry)
	require.Error(t, l.ctx.Err())
	found, err := c.engine.Read(t.Context(), engine.Key(decidedKey(l.shard, "x")))
	require.NoError(t, err)
	require.Empty(t, found[0])
}

// A leader whose token is not above the fence never begins.
func TestLeaderBehindTheFenceDoesNotBegin(t *testing.T) {
	c, l := open(t, &clock{}, nil)
	require.NoError(t, l.raise(), "its own token is no later one")
	require.NoError(t, c.engine.Apply(t.Context(), engine.Batch{Put: []engine.Pair{{Key: l.fence.Key, Value: []byte("1000000")}}}))
	_, err := begin(t.Context(), c.nodes[0], l.shard, l.lease)
	require.ErrorContains(t, err, "token")
}

// From the moment that it has a timestamp until it is visible, readers wait for a write.
func TestReadersWaitForAWriteOnItsWay(t *testing.T) {
	reached, goOn := make(chan struct{}), make(chan struct{})
	c, l := open(t, &clock{epsilon: time.Millisecond}, func(_ int, c *Config) {
		c.Pause = func(step Step, id string) error {
			if step == BeforeCommit && id == "slow" {
				close(reached)
				<-goOn
			}
			return nil
		}
	})
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		_, err := c.client.Transact(t.Context(), deposit("slow"))
		require.NoError(t, err)
	})
	<-reached
	now, err := c.clocks[0].Now()
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = l.read(short, readRequest{now.Latest, alice})
	require.ErrorIs(t, err, ErrRetry)
	close(goOn)
	balances, err := l.read(t.Context(), readRequest{now.Latest, alice})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"alice": 11}, balances)
}

// An answer that is given a second time, to a client who asks again, is no earlier than the first
// may be.
func TestSecondAnswerWaitsAsWell(t *testing.T) {
	c, l := open(t, &clock{epsilon: time.Millisecond}, nil)
	ahead := truetime.FromStd(time.Now()).Add(60 * time.Millisecond)
	require.NoError(t, l.decide("x", decision{Timestamp: ahead, Changes: deposit("x").Changes}, engine.Batch{}))
	_, err := c.client.Transact(t.Context(), deposit("x"))
	require.NoError(t, err)
	now, err := c.clocks[0].Now()
	require.NoError(t, err)
	require.Greater(t, now.Earliest, ahead)
}

// Who had to wait for a lock for too long can try again with the same id.
func TestBusyAccountIsNoRefusal(t *testing.T) {
	c, l := open(t, &clock{}, nil)
	release, err := l.locks.acquire(t.Context(), accounts(deposit("x").Changes)...)
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = l.transact(short, deposit("x"))
	require.ErrorIs(t, err, ErrRetry)
	release()
	_, err = c.client.Transact(t.Context(), deposit("x"))
	require.NoError(t, err)
}
