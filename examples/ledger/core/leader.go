package core

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// leader is one term at the head of a shard. Whatever it cannot be sure of ends the term: the next
// one begins with a higher fencing token, and finds in the engine all there is to know.
type leader struct {
	node  *Node
	shard int
	lease *lease.Lease
	fence engine.Condition // that no later leader has been here

	ctx  context.Context // ends with the term
	end  context.CancelCauseFunc
	work sync.WaitGroup

	locks locks
	safe  *commitwait.SafeTime // who may yet commit

	mu      sync.Mutex
	pending map[string]*pending
}

// pending is a transaction that may yet commit, at its timestamp or later.
type pending struct {
	from        truetime.Time
	uncertainty time.Duration // when that was taken
	done        func()        // lets readers pass
	vote        vote          // of one that is prepared
	release     func()        // the locks of one that is prepared
	since       time.Time
}

// begin raises the fence, which shuts out every write of earlier leaders, also those on their way,
// and then takes over what they had voted for.
func begin(ctx context.Context, n *Node, shard int, held *lease.Lease) (*leader, error) {
	l := &leader{node: n, shard: shard, lease: held, pending: make(map[string]*pending)}
	l.fence = engine.Condition{Key: fenceKey(shard), Value: strconv.AppendUint(nil, uint64(held.Token()), 10)}
	l.ctx, l.end = context.WithCancelCause(ctx)
	var err error
	if l.safe, err = commitwait.NewSafeTime(n.waiter, l.promise); err != nil {
		return nil, err
	}
	if err := l.raise(); err != nil {
		return nil, err
	}
	found, err := n.engine.Read(ctx, engine.Prefix(preparedPrefix(shard)))
	if err != nil {
		return nil, err
	}
	for _, pair := range found[0] {
		v, _, err := read[vote]([]engine.Pair{pair})
		if err != nil {
			return nil, err
		}
		id := pair.Key[len(preparedPrefix(shard)):]
		release, err := l.locks.acquire(ctx, accounts(v.Changes)...)
		if err != nil {
			return nil, err
		}
		_, done, err := l.safe.Begin(func() (truetime.Time, error) { return v.Timestamp, nil })
		if err != nil {
			return nil, err
		}
		l.pending[id] = &pending{from: v.Timestamp, done: done, vote: v, release: release}
	}
	l.background(l.resolve)
	l.background(l.tidy)
	return l, nil
}

// raise is lease.Fence.Admit, in the engine.
func (l *leader) raise() error {
	found, err := l.node.engine.Read(l.ctx, engine.Key(l.fence.Key))
	if err != nil {
		return err
	}
	before := as(l.fence.Key, found[0])
	if before.Value != nil {
		token, err := strconv.ParseUint(string(before.Value), 10, 64)
		if err != nil {
			return fmt.Errorf("ledger: %q holds no token: %w", before.Key, err)
		}
		if err := lease.Admit(lease.Token(token), l.lease.Token()); err != nil {
			return fmt.Errorf("ledger: shard %d: %w", l.shard, err)
		}
	}
	return l.node.engine.Apply(l.ctx, engine.Batch{If: []engine.Condition{before}, Put: []engine.Pair{{Key: l.fence.Key, Value: l.fence.Value}}})
}

// issue returns a timestamp that is not before Latest, after floor, after every one issued before,
// and inside the lease, so that those of the next leader are after it. From now on readers at the
// timestamp or later wait for the transaction.
func (l *leader) issue(id string, floor truetime.Time) (*pending, error) {
	now, err := l.node.clock.Now()
	if err != nil {
		return nil, l.fail(err)
	}
	ts, done, err := l.safe.Begin(func() (truetime.Time, error) { return l.lease.TimestampAfter(floor) })
	if err != nil {
		return nil, l.fail(err)
	}
	if err := l.ctx.Err(); err != nil {
		done()
		return nil, l.fail(err)
	}
	p := &pending{from: ts, uncertainty: now.Uncertainty(), done: done, since: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending[id] = p
	return p, nil
}

// forget lets readers pass: the transaction is visible, or never will be.
func (l *leader) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.pending[id]; p != nil {
		p.done()
		delete(l.pending, id)
	}
}

// apply writes under the fence. If it cannot tell what became of the write, nobody in this term may
// build on it, and the term ends. An error that wraps engine.ErrConflict says that another
// condition than the fence does not hold.
func (l *leader) apply(batch engine.Batch) error {
	if err := l.node.pause(BeforeWrite, ""); err != nil {
		return l.fail(err)
	}
	if !l.node.unsafe.NoFence {
		batch.If = append(batch.If, l.fence)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), l.node.timeout)
	defer cancel()
	err := l.node.engine.Apply(ctx, batch)
	if err == nil {
		err = l.node.pause(AfterWrite, "")
	}
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, engine.ErrConflict):
		return l.fail(err)
	case l.stillFirst(ctx):
		return err
	}
	return l.fail(errOvertaken) // and no ErrConflict, which says that something else has been decided already
}

// find reads under the fence, as apply writes under it: all as of one moment at which no later
// leader had been here. So what this one remembers was true at that moment, too, and an answer may
// rest on it. Whoever has been overtaken has no answer to give, and its term ends.
func (l *leader) find(ctx context.Context, ranges ...engine.Range) ([][]engine.Pair, error) {
	if err := l.node.pause(BeforeRead, ""); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	found, err := l.node.engine.Read(ctx, append(ranges, engine.Key(l.fence.Key))...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	last := len(ranges)
	if !l.ours(found[last]) && !l.node.unsafe.NoFence {
		return nil, l.fail(errOvertaken)
	}
	return found[:last], nil
}

// confirm returns nil if what this leader remembers was true at some moment of the call.
func (l *leader) confirm() error {
	if l.node.unsafe.NoFence {
		return nil
	}
	_, err := l.find(l.ctx)
	return err
}

// ours reports whether no later leader has raised the fence.
func (l *leader) ours(fence []engine.Pair) bool {
	return len(fence) == 1 && string(fence[0].Value) == string(l.fence.Value)
}

// stillFirst reports whether the fence is ours, so that it was another condition that did not hold.
func (l *leader) stillFirst(ctx context.Context) bool {
	found, err := l.node.engine.Read(ctx, engine.Key(l.fence.Key))
	return err == nil && l.ours(found[0])
}

// fail ends the term, unless the lease is held and only too short yet for a timestamp.
func (l *leader) fail(err error) error {
	err = fmt.Errorf("%w: shard %d: %w", ErrRetry, l.shard, err)
	if !errors.Is(err, lease.ErrBeyondExpiry) {
		l.end(err)
	}
	return err
}

// decide writes what becomes of a transaction, with what goes along. The first decision stands:
// another fails with engine.ErrConflict, and writes nothing.
func (l *leader) decide(id string, d decision, with engine.Batch) error {
	key := decidedKey(l.shard, id)
	with.If = append(with.If, engine.Condition{Key: key})
	with.Put = append(with.Put, put(key, d))
	return l.apply(with)
}

// pass is the commit-wait. It outlasts the client who asked for the transaction: others may be
// shown nothing before, and only the end of the term ends it, after which the lease has expired,
// and the timestamp with it, before anybody leads again.
func (l *leader) pass(ts truetime.Time) error {
	if l.node.unsafe.NoCommitWait {
		return nil
	}
	if err := l.node.waiter.Until(l.ctx, ts); err != nil {
		return l.fail(fmt.Errorf("commit-wait: %w", err))
	}
	return nil
}

// decided returns what became of a transaction, if that is known.
func (l *leader) decided(id string) (decision, bool, error) {
	found, err := l.find(l.ctx, engine.Key(decidedKey(l.shard, id)))
	if err != nil {
		return decision{}, false, err
	}
	return read[decision](found[0])
}

// balances reads the accounts, which are locked, and returns what they hold after the changes.
func (l *leader) balances(changes []Change) (map[string]int64, error) {
	var ranges []engine.Range
	for _, c := range changes {
		ranges = append(ranges, versionAt(l.shard, c.Account, endOfTime))
	}
	found, err := l.find(l.ctx, ranges...)
	if err != nil {
		return nil, err
	}
	after := make(map[string]int64)
	for i, c := range changes {
		balance, exists, err := read[int64](found[i])
		switch {
		case err != nil:
			return nil, err
		case exists && c.Open:
			return nil, fmt.Errorf("%w: %s", ErrAccountExists, c.Account)
		case !exists && !c.Open:
			return nil, fmt.Errorf("%w: %s", ErrUnknownAccount, c.Account)
		case balance+c.Delta < 0:
			return nil, fmt.Errorf("%w: %s has %d, and %d are wanted", ErrInsufficientFunds, c.Account, balance, -c.Delta)
		}
		after[c.Account] = balance + c.Delta
	}
	return after, nil
}

func accounts(changes []Change) (names []string) {
	for _, c := range changes {
		names = append(names, "account "+c.Account)
	}
	return names
}

// close ends the term and waits for what runs on its behalf.
func (l *leader) close() {
	l.mu.Lock()
	l.end(errNodeClosed)
	l.mu.Unlock()
	l.work.Wait()
}

// background runs f unless the term is over; close waits for it.
func (l *leader) background(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() == nil {
		l.work.Go(f)
	}
}

var errOvertaken = errors.New("a later leader has been here, or may have")

var errNodeClosed = fmt.Errorf("%w: the term is over", ErrRetry)
