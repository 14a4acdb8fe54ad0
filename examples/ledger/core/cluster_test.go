package core

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/examples/ledger/judge"
	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is this machine's, off by offset and claiming ±epsilon: true if offset is within epsilon.
type clock struct {
	offset, epsilon time.Duration
	later           atomic.Int64 // added to Latest: it is wider on that side
	broken          atomic.Bool
}

func (c *clock) Now() (truetime.Interval, error) {
	if c.broken.Load() {
		return truetime.Interval{}, truetime.ErrNotSynchronized
	}
	now := truetime.FromStd(time.Now()).Add(c.offset)
	return truetime.Interval{Earliest: now.Add(-c.epsilon), Latest: now.Add(c.epsilon + time.Duration(c.later.Load()))}, nil
}

const shards = 3

// cluster is nodes in this process, on one engine.
type cluster struct {
	t       *testing.T
	engine  *engine.Pebble
	clocks  []*clock
	nodes   []*Node
	servers []*httptest.Server
	client  *Client
	silent  atomic.Bool // no participant asks what was decided, however long it takes here
}

func openEngine(t *testing.T, files vfs.FS) *engine.Pebble {
	t.Helper()
	e, err := engine.OpenPebble("data", files, func(text string) { panic(text) })
	require.NoError(t, err)
	return e
}

func start(t *testing.T, files vfs.FS, clocks []*clock, change func(i int, c *Config)) *cluster {
	t.Helper()
	c := &cluster{t: t, engine: openEngine(t, files), clocks: clocks}
	var urls []string
	for i := range clocks {
		var node atomic.Pointer[http.Handler]
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if h := node.Load(); h != nil {
				(*h).ServeHTTP(w, r)
				return
			}
			fail(w, ErrRetry)
		}))
		config := Config{
			Engine: c.engine, Clock: clocks[i], URL: server.URL, Shards: shards, TTL: 400 * time.Millisecond, Patience: 100 * time.Millisecond,
			Home: func(shard int) bool { return shard%len(clocks) == i },
			Pause: func(step Step, _ string) error {
				if step == BeforeAsk && c.silent.Load() {
					return ErrRetry
				}
				return nil
			},
		}
		if change != nil {
			change(i, &config)
		}
		n, err := Start(t.Context(), config)
		require.NoError(t, err)
		h := n.Handler()
		node.Store(&h)
		c.nodes, c.servers, urls = append(c.nodes, n), append(c.servers, server), append(urls, server.URL)
	}
	c.client = NewClient(shards, urls...)
	t.Cleanup(c.close)
	return c
}

// steady keeps the leaders to the end, however slow the machine is.
func steady(_ int, c *Config) { c.TTL = time.Minute }

func (c *cluster) close() {
	var all sync.WaitGroup
	for i := range c.nodes {
		all.Go(func() {
			c.servers[i].CloseClientConnections()
			c.servers[i].Close()
			_ = c.nodes[i].Close()
		})
	}
	all.Wait()
	c.client.Close()
	_ = c.engine.Close()
}

// names returns n accounts, which are spread over the shards.
func names(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("account%d", i))
	}
	return names
}

// load opens the accounts.
func load(t *testing.T, client *Client, r *judge.Recorder, accounts []string) {
	t.Helper()
	for _, account := range accounts {
		transact(t.Context(), t, client, r, Transaction{ID: "open-" + account, Changes: []Change{{Account: account, Delta: 100, Open: true}}})
	}
}

// transact runs a transaction to its end and records it if it was committed.
func transact(ctx context.Context, t *testing.T, client *Client, r *judge.Recorder, x Transaction) (ok bool) {
	e := judge.Event{Kind: judge.Write, ID: x.ID, Begin: r.Now(), Deltas: make(map[string]int64)}
	result, err := client.Transact(ctx, x)
	if err != nil {
		if !errors.Is(err, ErrInsufficientFunds) && !errors.Is(err, ErrAborted) {
			t.Errorf("%s: %v", x.ID, err)
		}
		return false
	}
	for _, c := range x.Changes {
		e.Deltas[c.Account] = c.Delta
	}
	e.Timestamp, e.Balances = int64(result.Timestamp), result.Balances
	r.Add(e)
	return true
}

func snapshot(ctx context.Context, t *testing.T, client *Client, r *judge.Recorder, accounts []string, at truetime.Time) {
	e := judge.Event{Kind: judge.Read, ID: "read", Begin: r.Now()}
	if !at.IsZero() {
		e.Kind = judge.Snapshot
	}
	s, err := client.Read(ctx, ReadRequest{Accounts: accounts, At: at})
	if err != nil {
		t.Errorf("read: %v", err)
		return
	}
	e.Timestamp, e.Balances = int64(s.Timestamp), s.Balances
	r.Add(e)
}

// run has workers transfer money, n transactions each, and read now and then.
func run(t *testing.T, seed uint64, clients []*Client, r *judge.Recorder, accounts []string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for w, client := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			for i := range n {
				from, to := random.IntN(len(accounts)), random.IntN(len(accounts)-1)
				if to >= from {
					to++
				}
				transact(ctx, t, client, r, Transfer(fmt.Sprintf("w%d-%d", w, i), accounts[from], accounts[to], int64(1+random.IntN(20))))
				switch random.IntN(6) {
				case 0:
					snapshot(ctx, t, client, r, accounts, 0)
				case 1:
					snapshot(ctx, t, client, r, accounts, truetime.FromStd(time.Now().Add(-time.Duration(random.IntN(1e6)))))
				}
			}
		})
	}
	all.Wait()
	snapshot(ctx, t, clients[0], r, accounts, 0)
}

func (c *cluster) clients(n int) (clients []*Client) {
	for range n {
		clients = append(clients, c.client)
	}
	return clients
}

func honest() []*clock {
	return []*clock{
		{offset: 900 * time.Microsecond, epsilon: time.Millisecond},
		{offset: -200 * time.Microsecond, epsilon: 300 * time.Microsecond},
		{offset: -2 * time.Millisecond, epsilon: 3 * time.Millisecond},
	}
}

func requireNoViolations(t *testing.T, r *judge.Recorder) {
	t.Helper()
	v := judge.Judge(r.Events())
	t.Logf("%d writes, %d reads, %d snapshots, %d violations", v.Writes, v.Reads, v.Snapshots, len(v.Violations))
	for i, violation := range v.Violations {
		if i < 10 {
			t.Error(violation)
		}
	}
}

func TestConcurrentTransfersAreExternallyConsistent(t *testing.T) {
	c := start(t, vfs.NewMem(), honest(), nil)
	r, accounts := judge.NewRecorder(), names(8)
	load(t, c.client, r, accounts)
	run(t, 1, c.clients(8), r, accounts, 60)
	requireNoViolations(t, r)
}
