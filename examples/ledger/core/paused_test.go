package core

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/examples/ledger/judge"
	"github.com/epsilontime/epsilon/truetime"
)

// overtaken is one node's leader that has voted for "voted" and decided "decided", after which a
// later leader has raised the fence. It does not know, and its lease and its context are as good as
// ever: it is the goroutine of a handler that has been paused.
func overtaken(t *testing.T) (l *leader, voted prepareRequest) {
	t.Helper()
	c, l := open(t, &clock{}, nil)
	c.silent.Store(true) // or it asks after its vote, and is told that it has been overtaken
	_, err := c.client.Transact(t.Context(), deposit("decided"))
	require.NoError(t, err)
	voted = prepareRequest{ID: "voted", Coordinator: l.shard, Begun: later(), Changes: []Change{{Account: "b", Open: true}}}
	_, err = l.prepare(t.Context(), voted)
	require.NoError(t, err)
	require.NoError(t, c.engine.Apply(t.Context(), engine.Batch{Put: []engine.Pair{{Key: l.fence.Key, Value: []byte("1000000")}}}))
	return l, voted
}

// Every answer of a leader that somebody acts on, with what it rests on. None is given by one that
// was overtaken, and each ends its term.
func TestNoAnswerIsGivenWithoutTheFence(t *testing.T) {
	ms := truetime.Time(time.Millisecond)
	for name, answer := range map[string]func(ctx context.Context, l *leader, voted prepareRequest) error{
		"a vote told again": func(ctx context.Context, l *leader, voted prepareRequest) error {
			_, err := l.prepare(ctx, voted)
			return err
		},
		"a new vote": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.prepare(ctx, prepareRequest{ID: "x", Coordinator: l.shard, Begun: later(), Changes: deposit("x").Changes})
			return err
		},
		"a vote refused for want of money": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.prepare(ctx, prepareRequest{ID: "x", Coordinator: l.shard, Begun: later(), Changes: []Change{{Account: "alice", Delta: -1000}}})
			return err
		},
		"a vote refused because it is forgotten": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.prepare(ctx, prepareRequest{ID: "x", Coordinator: l.shard, Begun: -1, Changes: deposit("x").Changes})
			return err
		},
		"done before": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.finish(ctx, finishRequest{"x", decision{Timestamp: ms}})
			return err
		},
		"a commit carried out": func(ctx context.Context, l *leader, voted prepareRequest) error {
			_, err := l.finish(ctx, finishRequest{voted.ID, decision{Timestamp: later()}})
			return err
		},
		"a refusal carried out": func(ctx context.Context, l *leader, voted prepareRequest) error {
			_, err := l.finish(ctx, finishRequest{voted.ID, decision{Refused: "aborted"}})
			return err
		},
		"a refusal of what was never voted for": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.finish(ctx, finishRequest{"x", decision{Refused: "aborted"}})
			return err
		},
		"an outcome": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.outcome(ctx, "decided")
			return err
		},
		"the outcome that it is off": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.outcome(ctx, "x")
			return err
		},
		"balances": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.read(ctx, readRequest{oldest + ms, alice})
			return err
		},
		"a transaction that was committed": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.transact(ctx, deposit("decided"))
			return err
		},
		"a transaction": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.transact(ctx, deposit("x"))
			return err
		},
		"a transaction refused": func(ctx context.Context, l *leader, _ prepareRequest) error {
			_, err := l.transact(ctx, Transaction{ID: "x", Changes: []Change{{Account: "nobody", Delta: 1}}})
			return err
		},
		"what may be forgotten": func(_ context.Context, l *leader, _ prepareRequest) error { return l.collectDecisions(later()) },
		"what cannot be seen":   func(_ context.Context, l *leader, _ prepareRequest) error { return l.collectVersions(later()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, voted := overtaken(t)
			require.ErrorIs(t, answer(t.Context(), l, voted), ErrRetry)
			require.Error(t, l.ctx.Err(), "its term is over")
		})
	}
}

// Another leader comes between the last look at the fence and the write. That is no decision that
// was made already, of which a participant would say that it is done, and a coordinator that it is
// off.
func TestALeaderThatIsOvertakenBeforeItsWriteDoesNotTakeThatForADecision(t *testing.T) {
	var raise func()
	c, l := open(t, &clock{}, func(_ int, c *Config) {
		c.Pause = func(step Step, _ string) error {
			if f := raise; step == BeforeWrite && f != nil {
				raise = nil
				f()
			}
			return nil
		}
	})
	raise = func() {
		require.NoError(t, c.engine.Apply(t.Context(), engine.Batch{Put: []engine.Pair{{Key: l.fence.Key, Value: []byte("1000000")}}}))
	}
	_, err := l.prepare(t.Context(), prepareRequest{ID: "x", Coordinator: l.shard, Begun: later(), Changes: deposit("x").Changes})
	require.ErrorIs(t, err, ErrRetry)
	require.NotErrorIs(t, err, ErrAborted)
	require.NotErrorIs(t, err, engine.ErrConflict)
}

// A participant is deposed, and the goroutine that is to end its term is paused, so that questions
// still reach the old leader. Another leads the shard and votes, the client has its answer, and the
// participant is not told of it. Then the coordinator wants to forget, and asks the old leader
// whether all is done.
//
// Without the fence the old one says so, for it knows of no vote, the decision is forgotten, and
// half of the transfer is undone: which the judge sees.
func TestAPausedTermDoesNotAnswerForTheNext(t *testing.T) {
	for _, unsafe := range []bool{false, true} {
		t.Run(fmt.Sprint("unsafe=", unsafe), func(t *testing.T) {
			t.Parallel()
			var silent atomic.Bool // participants do not ask; what they are told is lost
			var told atomic.Int32
			paused, goOn := make(chan struct{}, 1), make(chan struct{})
			c := start(t, vfs.NewMem(), honest(), func(i int, c *Config) {
				c.TTL = 3 * time.Second // so that a busy machine changes no leader but the one that is to be
				c.Unsafe.NoFence = unsafe
				c.Pause = func(step Step, id string) error {
					switch {
					case i == 0 && step == TermOver && id == "shard-0":
						select {
						case paused <- struct{}{}:
							<-goOn
						default: // the first time is enough
						}
					case i != 0 && step == Arrived && id == finish.name:
						told.Add(1)
						return errCrashed
					case step == BeforeAsk && silent.Load():
						return errCrashed
					}
					return nil
				}
			})
			defer close(goOn)
			accounts := []string{accountOf(0), accountOf(1), accountOf(2)}
			r := judge.NewRecorder()
			load(t, c.client, r, accounts)
			old := c.nodes[0].leader(0)
			require.NotNil(t, old, "shard 0 is at home")
			c.clocks[0].broken.Store(true)
			<-paused
			fresh := 0
			require.Eventually(t, func() bool {
				for i := 1; i < 3; i++ {
					if c.nodes[i].leader(0) != nil {
						fresh = i
					}
				}
				return fresh != 0
			}, time.Minute, time.Millisecond)
			c.clocks[0].broken.Store(false)

			coordinator := 3 - fresh // another node, so that it asks over the network
			silent.Store(true)
			others := NewClient(shards, c.servers[1].URL, c.servers[2].URL)
			defer others.Close()
			require.True(t, transact(t.Context(), t, others, r, Transfer("move", accounts[0], accounts[coordinator], 3)))
			require.Same(t, old, c.nodes[0].leader(0))
			require.Eventually(t, func() bool { return told.Load() >= 2 }, time.Minute, time.Millisecond) // and looked up who leads
			n := c.nodes[coordinator]
			l := n.leader(coordinator)
			require.NotNil(t, l, "shard %d is at home", coordinator)
			n.mu.Lock()
			n.known[0] = c.servers[0].URL // as it was the last time that it asked
			n.mu.Unlock()
			require.NoError(t, l.collectDecisions(later()))

			silent.Store(false)
			snapshot(t.Context(), t, others, r, accounts, 0) // waits until the participant has found out
			if !unsafe {
				requireNoViolations(t, r)
				return
			}
			v := judge.Judge(r.Events())
			require.NotZero(t, v.Count(judge.MoneyPromise), "%v", v.Violations)
		})
	}
}
