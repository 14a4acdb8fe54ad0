package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

// transact runs a transaction of which this shard is the coordinator: the last, and mostly the only
// one.
//
//	lock the id                          two attempts at one transaction take turns
//	have the other shards prepare        they lock, vote, and promise a timestamp
//	lock, read, check our own accounts
//	take a timestamp                     ≥ every promise, ≥ Latest, > all earlier
//	write versions and decision          in one batch, if nobody else leads; this is the commit
//	wait until the timestamp has passed  the write took part of that time already
//	let go of the locks, and tell        nothing was visible before
func (l *leader) transact(ctx context.Context, t Transaction) (Result, error) {
	unlock, err := l.locks.acquire(ctx, "id "+t.ID)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	if d, known, err := l.decided(t.ID); known || err != nil {
		if err != nil {
			return Result{}, err
		}
		return l.answer(t, d)
	}
	order, changes := t.split(l.node.shards)
	others := order[:len(order)-1]
	floor, after, err := l.prepareOthers(ctx, t, others, changes)
	if err != nil {
		return Result{}, l.refuse(t, others, err)
	}
	d, err := l.commit(ctx, t, changes[l.shard], floor, after)
	if err != nil {
		return Result{}, l.refuse(t, others, err)
	}
	l.tell(others, t.ID, d)
	return l.answer(t, d)
}

// commit is the part of a transaction between the votes and the answer.
func (l *leader) commit(ctx context.Context, t Transaction, own []Change, floor truetime.Time, after map[string]int64) (decision, error) {
	release, err := l.locks.acquire(ctx, accounts(own)...)
	if err != nil {
		return decision{}, err
	}
	defer release()
	balances, err := l.balances(own)
	if err != nil {
		return decision{}, err
	}
	p, err := l.issue(t.ID, floor)
	if err != nil {
		return decision{}, err
	}
	defer l.forget(t.ID)
	if err := l.node.pause(BeforeCommit, t.ID); err != nil {
		return decision{}, l.fail(err)
	}
	maps.Copy(after, balances)
	d := decision{Timestamp: p.from, Changes: t.Changes, Balances: after, uncertainty: p.uncertainty}
	if err := l.decide(t.ID, d, engine.Batch{Put: versions(l.shard, balances, p.from)}); err != nil {
		return decision{}, err
	}
	written := time.Now()
	err = l.pass(p.from)
	d.waited = time.Since(written)
	return d, err
}

// answer is what a client is told of a decided transaction, once that may be known.
func (l *leader) answer(t Transaction, d decision) (Result, error) {
	if d.Refused != "" {
		return Result{}, fmt.Errorf("%w: %s", errorOf(d.Refused), t.ID)
	}
	if !slices.Equal(d.Changes, t.Changes) {
		return Result{}, fmt.Errorf("%w: the id %s was used for another transaction", ErrBadRequest, t.ID)
	}
	return Result{d.Timestamp, d.Balances, d.waited, d.uncertainty}, l.pass(d.Timestamp)
}

// prepareOthers has the other shards vote, one after the other: who locks in one order never
// deadlocks.
func (l *leader) prepareOthers(ctx context.Context, t Transaction, others []int, changes map[int][]Change) (floor truetime.Time, after map[string]int64, err error) {
	after = make(map[string]int64)
	begun, err := l.node.clock.Now()
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	for _, shard := range others {
		v, err := ask(ctx, l.node, shard, prepare, prepareRequest{ballot(t.ID, l.shard), l.shard, begun.Earliest, changes[shard]})
		if err != nil {
			return 0, nil, err
		}
		floor = max(floor, v.Timestamp)
		maps.Copy(after, v.Balances)
	}
	return floor, after, nil
}

// refuse decides that a transaction is off, for ever, before anybody hears of it: the client might
// have sent it twice, and the second be on its way. If it was committed after all, and the leader
// could not tell, that decision stands.
func (l *leader) refuse(t Transaction, others []int, why error) error {
	code, _ := codeOf(why)
	if errors.Is(why, ErrRetry) {
		if len(others) == 0 {
			return why // it may still be done, under the same id
		}
		code, why = "aborted", fmt.Errorf("%w: %w", ErrAborted, why)
	}
	d, err := l.refusal(code)
	if err != nil {
		return err
	}
	d.Changes = t.Changes
	if err := l.decide(t.ID, d, engine.Batch{}); err != nil {
		return fmt.Errorf("%w: %w", ErrRetry, err)
	}
	l.tell(others, t.ID, d)
	return why
}

// tell informs the participants in the background. One that is not reached asks by itself.
func (l *leader) tell(others []int, id string, d decision) {
	for _, shard := range others {
		l.background(func() { _ = l.inform(shard, id, d) })
	}
}

func (l *leader) inform(shard int, id string, d decision) error {
	ctx, cancel := context.WithTimeout(l.ctx, l.node.timeout)
	defer cancel()
	_, err := ask(ctx, l.node, shard, finish, finishRequest{ballot(id, l.shard), d})
	return err
}

// refusal is a decision of now.
func (l *leader) refusal(code string) (decision, error) {
	now, err := l.node.clock.Now()
	if err != nil {
		return decision{}, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	return decision{Refused: code, Timestamp: now.Latest}, nil
}
