package core

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

var alice = []string{"alice"}

// open starts one node, opens an account, and returns the leader of its shard, which is steady.
func open(t *testing.T, only *clock, change func(i int, c *Config)) (*cluster, *leader) {
	t.Helper()
	c := start(t, vfs.NewMem(), []*clock{only}, func(i int, c *Config) {
		steady(i, c)
		if change != nil {
			change(i, c)
		}
	})
	_, err := c.client.Transact(t.Context(), Transaction{ID: "open", Changes: []Change{{Account: "alice", Delta: 10, Open: true}}})
	require.NoError(t, err)
	l := c.nodes[0].leader(ShardOf("alice", shards))
	require.NotNil(t, l)
	return c, l
}

func deposit(id string) Transaction {
	return Transaction{ID: id, Changes: []Change{{Account: "alice", Delta: 1}}}
}

// A read at Latest is answered at once. Then a sample comes, Latest falls back, and a write that
// takes the new Latest would have a timestamp that the reader has been told all about.
func TestWriteIsAfterWhatReadersHaveSeenAlsoIfLatestFallsBack(t *testing.T) {
	clock := &clock{epsilon: time.Millisecond}
	c, _ := open(t, clock, nil)
	clock.later.Store(int64(50 * time.Millisecond))
	before, err := c.client.Read(t.Context(), ReadRequest{Accounts: alice})
	require.NoError(t, err)
	clock.later.Store(0)
	written, err := c.client.Transact(t.Context(), deposit("after"))
	require.NoError(t, err)
	require.Greater(t, written.Timestamp, before.Timestamp)
	again, err := c.client.Read(t.Context(), ReadRequest{Accounts: alice, At: before.Timestamp})
	require.NoError(t, err)
	require.Equal(t, before, again)
}

// Behind the end of the lease somebody else may write, whatever our own clock said before a sample
// came.
func TestReadBehindTheEndOfTheLeaseIsRefused(t *testing.T) {
	c, l := open(t, &clock{epsilon: time.Millisecond}, nil)
	now, err := c.clocks[0].Now()
	require.NoError(t, err)
	require.ErrorIs(t, l.promise(now.Latest.Add(time.Hour)), ErrRetry)
	require.NoError(t, l.ctx.Err(), "that is no reason to end the term")
}

// meddler does something before the first read of a version.
type meddler struct {
	engine.Engine
	meddle func(engine.Engine)
}

func (m *meddler) Read(ctx context.Context, ranges ...engine.Range) ([][]engine.Pair, error) {
	if m.meddle != nil && strings.Contains(ranges[0].From, "/v/") {
		meddle := m.meddle
		m.meddle = nil
		meddle(m.Engine)
	}
	return m.Engine.Read(ctx, ranges...)
}

// A reader is paused for so long that another leader has collected what it was about to read.
func TestVersionsThatWereCollectedUnderAReaderAreNotTakenForMissing(t *testing.T) {
	var m *meddler
	c, l := open(t, &clock{}, func(_ int, c *Config) {
		m = &meddler{Engine: c.Engine}
		c.Engine = m
	})
	s, err := c.client.Read(t.Context(), ReadRequest{Accounts: alice})
	require.NoError(t, err)
	m.meddle = func(e engine.Engine) {
		found, err := e.Read(t.Context(), engine.Prefix(versionsPrefix(l.shard)))
		require.NoError(t, err)
		require.NoError(t, e.Apply(t.Context(), engine.Batch{
			Put: []engine.Pair{put(horizonKey(l.shard), s.Timestamp+1)}, Delete: []string{found[0][0].Key},
		}))
	}
	_, err = l.read(t.Context(), readRequest{s.Timestamp, alice})
	require.ErrorIs(t, err, ErrTooOld)
}

// A read at the timestamp of a write that is on its way waits for it; one just before does not.
func TestReaderWaitsForWritesAtOrBeforeItsTimestamp(t *testing.T) {
	_, l := open(t, &clock{epsilon: time.Millisecond}, nil)
	p, err := l.issue("slow", 0)
	require.NoError(t, err)
	require.NoError(t, l.safeAt(t.Context(), p.from-1))
	for _, at := range []truetime.Time{p.from, p.from + 1} {
		short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := l.safeAt(short, at)
		cancel()
		require.ErrorIs(t, err, ErrRetry)
		require.ErrorContains(t, err, "is not done")
	}
	l.forget("slow")
	require.NoError(t, l.safeAt(t.Context(), p.from+1))
}

// The lease cannot be judged while its clock refuses, and so nothing is read under it.
func TestReadUnderALeaseThatCannotBeJudgedIsRefused(t *testing.T) {
	c, l := open(t, &clock{epsilon: time.Millisecond}, nil)
	now, err := c.clocks[0].Now()
	require.NoError(t, err)
	c.nodes[0].clock = &clock{} // the lease still has the other
	c.clocks[0].broken.Store(true)
	err = l.promise(now.Earliest)
	require.ErrorIs(t, err, ErrRetry)
	require.Error(t, l.ctx.Err())
}

// A time in another unit, or of another century, is a mistake of whoever asks, and no reason to lead no more.
func TestAReadOfAnImpossibleTimeIsABadRequestAndEndsNoTerm(t *testing.T) {
	c, l := open(t, &clock{epsilon: time.Millisecond}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, at := range []truetime.Time{1, -1, truetime.FromStd(time.Now()) / 1e6, math.MaxInt64} {
		_, err := c.client.Read(ctx, ReadRequest{Accounts: alice, At: at})
		require.ErrorIs(t, err, ErrBadRequest, at)
		require.NoError(t, l.ctx.Err(), at)
	}
	require.NoError(t, ctx.Err())
	_, err := c.client.Read(ctx, ReadRequest{Accounts: alice})
	require.NoError(t, err)
}
