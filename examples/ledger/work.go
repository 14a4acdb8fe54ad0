package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/examples/ledger/core"
	"github.com/epsilontime/epsilon/examples/ledger/judge"
	"github.com/epsilontime/epsilon/truetime"
)

const demoShards = 3

// work is clients that transfer money, and what they saw.
type work struct {
	recorder *judge.Recorder
	began    time.Time // when the history begins
	begun    time.Time // when the clients begin
	client   *core.Client
	accounts []string
	prefix   string

	running  context.Context
	stop     context.CancelFunc
	clients  sync.WaitGroup
	refused  atomic.Int64
	trouble  atomic.Pointer[error]
	cluster  *demoCluster
	options  demoOptions
	mu       sync.Mutex
	marks    []mark
	spent    map[string]spent // by transaction
	epsilons []epsilon
}

// spent is what the ledger told of a write that only the picture needs.
type spent struct{ waited, epsilon time.Duration }

// epsilon is the uncertainty of a node; below zero where it has no answer.
type epsilon struct {
	At   time.Duration
	Node int
	Is   time.Duration
}

func startWork(ctx context.Context, c *demoCluster, o demoOptions) *work {
	w := &work{recorder: judge.NewRecorder(), began: time.Now(), cluster: c, options: o, client: core.NewClient(demoShards, c.urls...),
		prefix: fmt.Sprintf("%x", rand.Uint32()), spent: make(map[string]spent)}
	for i := range 16 {
		w.accounts = append(w.accounts, fmt.Sprintf("account-%s-%d", w.prefix, i))
	}
	w.running, w.stop = context.WithCancel(ctx)
	return w
}

// load opens the accounts and sets the clients to work.
func (w *work) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	for _, account := range w.accounts {
		w.transact(ctx, w.client, core.Transaction{ID: "open-" + account, Changes: []core.Change{{Account: account, Delta: 1000, Open: true}}})
	}
	if err := w.trouble.Load(); err != nil {
		return *err
	}
	w.begun = time.Now()
	for i := range w.options.workers {
		w.clients.Go(func() { w.transfer(i) })
	}
	w.clients.Go(w.watch)
	return nil
}

// patientClient waits for a node that is stopped, where others soon ask another: so the write which
// the node had on its way is not done again before it goes on.
const patientClient = 0

// longestWait is for how long a client asks for one answer. It says that something hangs, and not that
// the machine is slow: a cluster of a dozen processes that comes back has taken a minute on two cores
// with much other work.
const longestWait = 5 * time.Minute

// clientPrefix is how the transactions of a client begin.
func (w *work) clientPrefix(client int) string { return fmt.Sprintf("%s-%d-", w.prefix, client) }

// transfer is one client. It finishes what it has begun, whatever happens to the nodes meanwhile.
func (w *work) transfer(client int) {
	random := rand.New(rand.NewPCG(w.options.seed, uint64(client)))
	asks := w.client
	if client == patientClient {
		asks = core.NewPatientClient(30*time.Second, demoShards, w.cluster.urls...)
		defer asks.Close()
	}
	for i := 0; w.running.Err() == nil; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), longestWait)
		switch random.IntN(10) {
		case 0:
			w.read(ctx, 0)
		case 1:
			w.read(ctx, truetime.FromStd(time.Now().Add(-time.Duration(random.IntN(int(100*time.Millisecond))))))
		default:
			from := random.IntN(len(w.accounts))
			to := (from + 1 + random.IntN(len(w.accounts)-1)) % len(w.accounts)
			w.transact(ctx, asks, core.Transfer(fmt.Sprint(w.clientPrefix(client), i), w.accounts[from], w.accounts[to], int64(1+random.IntN(100))))
		}
		cancel()
	}
}

func (w *work) transact(ctx context.Context, client *core.Client, t core.Transaction) {
	e := judge.Event{Kind: judge.Write, ID: t.ID, Begin: w.recorder.Now(), Deltas: make(map[string]int64)}
	result, err := client.Transact(ctx, t)
	switch {
	case errors.Is(err, core.ErrInsufficientFunds) || errors.Is(err, core.ErrAborted):
		w.refused.Add(1)
	case err != nil:
		w.trouble.CompareAndSwap(nil, &err)
	default:
		for _, c := range t.Changes {
			e.Deltas[c.Account] = c.Delta
		}
		e.Timestamp, e.Balances = int64(result.Timestamp), result.Balances
		w.recorder.Add(e)
		w.mu.Lock()
		w.spent[t.ID] = spent{result.Waited, result.Uncertainty}
		w.mu.Unlock()
	}
}

func (w *work) read(ctx context.Context, at truetime.Time) {
	e := judge.Event{Kind: judge.Read, ID: "at now", Begin: w.recorder.Now()}
	if !at.IsZero() {
		e.Kind, e.ID = judge.Snapshot, at.String()
	}
	s, err := w.client.Read(ctx, core.ReadRequest{Accounts: w.accounts, At: at})
	if err != nil {
		w.trouble.CompareAndSwap(nil, &err)
		return
	}
	e.Timestamp, e.Balances = int64(s.Timestamp), s.Balances
	w.recorder.Add(e)
}

// watch keeps a record of the clocks, and the reader informed.
func (w *work) watch() {
	for tick := 0; w.running.Err() == nil; tick++ {
		for i := range demoNodes {
			s, err := w.cluster.status(w.running, i)
			if err != nil {
				s.Epsilon = -1
			}
			w.mu.Lock()
			w.epsilons = append(w.epsilons, epsilon{w.recorder.Now(), i, s.Epsilon})
			w.mu.Unlock()
		}
		if tick%8 == 0 {
			w.print("\r%4.0f s, %d operations ", time.Since(w.begun).Seconds(), len(w.recorder.Events()))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// print informs whoever watches a single run.
func (w *work) print(text string, args ...any) {
	if w.options.schedules == 0 {
		fmt.Printf(text, args...)
	}
}

// mark tells of a fault, at a node if that is not below 0.
func (w *work) mark(text string, node int) {
	if node >= 0 {
		text = fmt.Sprintf("node %d: %s", node, text)
	}
	at := w.recorder.Now()
	w.print("\r%4.1f s: %s\n", time.Since(w.begun).Seconds(), text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.marks = append(w.marks, mark{at, text})
}

// end waits for the clients to finish, and has a last look at all accounts.
func (w *work) end(ctx context.Context) error {
	w.stop()
	w.await(ctx)
	w.print("\r")
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	w.read(ctx, 0)
	w.client.Close()
	if err := w.trouble.Load(); err != nil {
		return fmt.Errorf("a client never got an answer: %w", *err)
	}
	return nil
}

// await waits for the clients, and says how the nodes are as long as it has to.
func (w *work) await(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		w.clients.Wait()
		close(done)
	}()
	for {
		select {
		case <-done:
			return
		case <-time.After(15 * time.Second):
			w.print("\r%4.1f s: clients wait for answers; %s\n", time.Since(w.begun).Seconds(), w.cluster.describe(ctx))
		}
	}
}

var promised = []string{judge.OrderPromise, judge.MoneyPromise, judge.ReplayPromise, judge.AccountPromise}

// report sums up, for people.
func report(w *work, v judge.Verdict) string {
	var latencies, waits []time.Duration
	for _, e := range w.recorder.Events() {
		if e.Kind == judge.Write {
			latencies, waits = append(latencies, e.End-e.Begin), append(waits, w.spent[e.ID].waited)
		}
	}
	text := fmt.Sprintf("%d transactions, %d refused, %d reads of now, %d of the past\n"+
		"latency p50 %v, p99 %v; of it commit-wait after the write p50 %v, p99 %v\n",
		v.Writes, w.refused.Load(), v.Reads, v.Snapshots, quantile(latencies, 0.5), quantile(latencies, 0.99), quantile(waits, 0.5), quantile(waits, 0.99))
	for _, promise := range promised {
		text += fmt.Sprintf("%6d violations of %s\n", v.Count(promise), promise)
	}
	for _, violation := range v.Violations[:min(3, len(v.Violations))] {
		text += "  such as " + violation.String() + "\n"
	}
	return text
}

func quantile(of []time.Duration, q float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[int(q*float64(len(of)-1))].Round(time.Microsecond)
}
