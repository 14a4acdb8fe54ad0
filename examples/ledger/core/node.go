// Package core is the ledger: a sharded, multi-version store of balances in which the order of
// commit timestamps is the order of events as anybody outside sees it, in the manner of Spanner
// (Corbett et al., OSDI 2012, section 4). Start reading at leader.transact in commit.go.
package core

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// Clock is what everything here is ordered by.
type Clock interface {
	Now() (truetime.Interval, error)
}

// Config describes a node. Only the first four have no default.
type Config struct {
	Engine engine.Engine // all nodes of a cluster share one
	Clock  Clock
	URL    string // where the others reach this node
	Shards int

	Home      func(shard int) bool // the shards that this node is to lead if it can
	TTL       time.Duration        // of the leases, by default 2 s
	Retention time.Duration        // how far back snapshots reach, by default 10 min
	Memory    time.Duration        // how long an id is known; sent again later it is a new transaction; by default 24 h
	Patience  time.Duration        // until a participant asks what was decided, by default 500 ms
	Unsafe    Unsafe
	// Pause is called between steps, with the transaction where there is one, for tests and
	// demonstrations: it may block, or fail as a crash would.
	Pause func(step Step, id string) error
}

// Unsafe leaves out what the ledger rests on, to see what becomes of it.
type Unsafe struct{ NoCommitWait, NoFence bool }

// Step is a moment between two steps of a transaction.
type Step string

// The steps of every answer, write and term.
const (
	Arrived      Step = "a question has arrived" // at a leader, which may be deposed before it answers
	BeforeRead   Step = "before a read"          // that an answer rests on
	BeforeAsk    Step = "before asking"          // a participant, what was decided
	TermOver     Step = "a term is over"         // and questions still reach its leader
	BeforeCommit Step = "before the commit"      // the lease, the votes and the balances have been checked
	BeforeWrite  Step = "before a write"         // of any kind: a vote, a commit, a decision carried out
	AfterWrite   Step = "after a write"          // and nobody has been told
)

// Node is one process of the cluster. It competes for the lead of every shard.
type Node struct {
	engine    engine.Engine
	clock     Clock
	waiter    *commitwait.Waiter
	leases    lease.Store
	url       string
	shards    int
	unsafe    Unsafe
	pause     func(Step, string) error
	timeout   time.Duration // for a request to another node or the engine
	patience  time.Duration // until a participant asks what was decided
	retention time.Duration
	memory    time.Duration
	http      *http.Client
	hlc       *hlc.Clock

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	leaders map[int]*leader
	known   map[int]string // who leads, as last heard
}

// Start makes a node, which at once begins to compete for the shards.
func Start(ctx context.Context, c Config) (*Node, error) {
	if c.Engine == nil || c.Clock == nil || c.URL == "" || c.Shards < 1 {
		return nil, errors.New("ledger: a node needs an engine, a clock, a URL and at least one shard")
	}
	if c.TTL == 0 {
		c.TTL = 2 * time.Second
	}
	if c.Retention == 0 {
		c.Retention = 10 * time.Minute
	}
	if c.Memory == 0 {
		c.Memory = 24 * time.Hour
	}
	if c.Patience == 0 {
		c.Patience = 500 * time.Millisecond
	}
	if c.Pause == nil {
		c.Pause = func(Step, string) error { return nil }
	}
	if err := engine.CheckFormat(ctx, c.Engine, c.Shards); err != nil {
		return nil, err
	}
	waiter, err := commitwait.NewWaiter(c.Clock)
	if err != nil {
		return nil, err
	}
	logical, err := hlc.New(c.Clock)
	if err != nil {
		return nil, err
	}
	n := &Node{
		engine: c.Engine, clock: c.Clock, waiter: waiter, leases: c.Engine.Leases(), url: c.URL,
		shards: c.Shards, unsafe: c.Unsafe, pause: c.Pause, timeout: time.Second, patience: c.Patience,
		retention: c.Retention, memory: c.Memory, hlc: logical, leaders: make(map[int]*leader), known: make(map[int]string),
	}
	n.http = &http.Client{Transport: hlchttp.Transport(logical, &http.Transport{MaxIdleConnsPerHost: 256}), Timeout: n.timeout}
	n.ctx, n.stop = context.WithCancel(context.Background())
	for shard := range c.Shards {
		candidate, err := lease.NewCandidate(c.Clock, n.leases, fmt.Sprint("shard-", shard), c.TTL, lease.WithHolder(c.URL))
		if err != nil {
			n.Close()
			return nil, err
		}
		first := time.Duration(0)
		if c.Home != nil && !c.Home(shard) {
			first = c.TTL // leave it to its home for a start
		}
		n.work.Go(func() { n.compete(shard, candidate, first) })
	}
	return n, nil
}

// compete leads the shard whenever it can be had.
func (n *Node) compete(shard int, candidate *lease.Candidate, first time.Duration) {
	for wait := first; ; wait = 50 * time.Millisecond {
		select {
		case <-n.ctx.Done():
			return
		case <-time.After(wait):
		}
		held, err := candidate.Acquire(n.ctx)
		if err != nil {
			continue // until the node is closed, or an operator has mended the record
		}
		n.term(shard, held)
	}
}

// term leads a shard until the lease or the node ends, or something went wrong.
func (n *Node) term(shard int, held *lease.Lease) {
	defer held.Close()
	ctx, cancel := held.Context(n.ctx)
	defer cancel()
	l, err := begin(ctx, n, shard, held)
	if err != nil {
		return
	}
	n.set(shard, l)
	<-l.ctx.Done()
	_ = n.pause(TermOver, fmt.Sprint("shard-", shard)) // it is over in any case
	n.set(shard, nil)
	l.close()
	ctx, cancel = context.WithTimeout(context.Background(), n.timeout)
	defer cancel()
	_ = held.Release(ctx) // once every timestamp has passed; otherwise it expires
}

func (n *Node) set(shard int, l *leader) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l == nil {
		delete(n.leaders, shard)
	} else {
		n.leaders[shard] = l
		n.known[shard] = n.url
	}
}

func (n *Node) leader(shard int) *leader {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leaders[shard]
}

// Leads returns the shards that this node leads.
func (n *Node) Leads() (shards []int) {
	for shard := range n.shards {
		if n.leader(shard) != nil {
			shards = append(shards, shard)
		}
	}
	return shards
}

// whoLeads asks the record of the lease, which is a hint: the leader itself knows best.
func (n *Node) whoLeads(ctx context.Context, shard int, fresh bool) (url string, err error) {
	n.mu.Lock()
	url = n.known[shard]
	n.mu.Unlock()
	if url != "" && url != n.url && !fresh {
		return url, nil
	}
	ctx, cancel := context.WithTimeout(ctx, n.timeout/2) // the client is to hear of it while it listens
	defer cancel()
	record, state, err := lease.Look(ctx, n.clock, n.leases, fmt.Sprint("shard-", shard))
	if err != nil {
		return "", fmt.Errorf("%w: cannot look up who leads shard %d: %w", ErrRetry, shard, err)
	}
	if state == lease.Expired || record.Holder == n.url { // nobody, or we are not yet
		return "", &NotLeaderError{Shard: shard}
	}
	n.mu.Lock()
	n.known[shard] = record.Holder
	n.mu.Unlock()
	return record.Holder, nil
}

// notLeader is what a client is told who has come to the wrong node.
func (n *Node) notLeader(ctx context.Context, shard int) error {
	url, err := n.whoLeads(ctx, shard, true)
	if err != nil {
		return err
	}
	return &NotLeaderError{shard, url}
}

// Close gives up the shards and ends all that the node does: a transaction under way is told to ask again, and what
// was decided stands. End the HTTP server first, and wait for what it serves. The engine and the clock stay open.
func (n *Node) Close() error {
	n.stop()
	n.work.Wait()
	n.http.CloseIdleConnections()
	return errors.Join(n.hlc.Close(), n.waiter.Close())
}
