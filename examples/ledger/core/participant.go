package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

// The other side of two-phase commit: a shard that votes, and then does as the coordinator decides.
// From the vote on the accounts are locked and readers wait, until the decision is known, whoever
// leads.

type prepareRequest struct {
	ID          string // of the ballot
	Coordinator int
	Begun       truetime.Time // before it was or will be decided
	Changes     []Change
}

type finishRequest struct {
	ID       string // of the ballot
	Decision decision
}

// prepare locks the accounts and votes. Once it has returned a vote it can commit, come what may.
func (l *leader) prepare(ctx context.Context, r prepareRequest) (vote, error) {
	unlock, err := l.locks.acquire(ctx, "id "+r.ID)
	if err != nil {
		return vote{}, err
	}
	defer unlock()
	if p := l.prepared(r.ID); p != nil { // asked again
		if !slices.Equal(p.vote.Changes, r.Changes) {
			return vote{}, fmt.Errorf("%w: the id of %s is that of another transaction", ErrAborted, r.ID)
		}
		// A later leader may have carried the vote out, and both sides have forgotten it: then it
		// must not be counted a second time.
		return p.vote, l.confirm()
	}
	found, err := l.find(l.ctx, engine.Key(forgottenKey(l.shard)))
	if err != nil {
		return vote{}, err
	}
	forgotten, _, err := read[truetime.Time](found[0])
	if err != nil {
		return vote{}, err
	}
	if r.Begun.Before(forgotten) {
		return vote{}, fmt.Errorf("%w: %s began before %v", ErrAborted, r.ID, forgotten)
	}
	release, err := l.locks.acquire(ctx, accounts(r.Changes)...)
	if err != nil {
		return vote{}, err
	}
	balances, err := l.balances(r.Changes)
	if err != nil {
		release()
		return vote{}, err
	}
	p, err := l.issue(r.ID, 0)
	if err != nil {
		release()
		return vote{}, err
	}
	v := vote{Timestamp: p.from, Coordinator: r.Coordinator, Changes: r.Changes, Balances: balances}
	err = l.apply(engine.Batch{ // a vote that comes after the decision would stay for ever, or be counted twice
		If:  []engine.Condition{{Key: decidedKey(l.shard, r.ID)}, as(forgottenKey(l.shard), found[0])},
		Put: []engine.Pair{put(preparedPrefix(l.shard)+r.ID, v)},
	})
	if err != nil {
		l.forget(r.ID)
		release()
		if errors.Is(err, engine.ErrConflict) {
			err = fmt.Errorf("%w: %s is decided already", ErrAborted, r.ID)
		}
		return vote{}, err
	}
	l.mu.Lock()
	p.vote, p.release = v, release
	l.mu.Unlock()
	return v, nil
}

func (l *leader) prepared(id string) *pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.pending[id]; p != nil && p.release != nil {
		return p
	}
	return nil
}

// finish carries out a decision, once. Its timestamp has passed when the coordinator tells it.
func (l *leader) finish(ctx context.Context, r finishRequest) (done struct{}, err error) {
	unlock, err := l.locks.acquire(ctx, "id "+r.ID)
	if err != nil {
		return done, err
	}
	defer unlock()
	p := l.prepared(r.ID)
	if p == nil && r.Decision.Refused == "" {
		// Done before, if there is no vote. A later leader may have one that is not in this memory,
		// and the coordinator forgets its decision at our word.
		return done, l.confirm()
	}
	r.Decision.Changes, r.Decision.Balances = nil, nil
	batch := engine.Batch{Delete: []string{preparedPrefix(l.shard) + r.ID}}
	if r.Decision.Refused == "" {
		batch.Put = versions(l.shard, p.vote.Balances, r.Decision.Timestamp)
	}
	if err := l.decide(r.ID, r.Decision, batch); err != nil && !errors.Is(err, engine.ErrConflict) {
		return done, err
	}
	if p != nil {
		l.forget(r.ID)
		p.release()
	}
	return done, nil
}

// outcome tells a participant what was decided. If nothing was, that is decided now: it is off.
func (l *leader) outcome(ctx context.Context, id string) (decision, error) {
	unlock, err := l.locks.acquire(ctx, "id "+id)
	if err != nil {
		return decision{}, err
	}
	defer unlock()
	d, known, err := l.decided(id)
	if err != nil {
		return decision{}, err
	}
	if known {
		if d.Refused == "" {
			err = l.pass(d.Timestamp)
		}
		return d, err
	}
	if d, err = l.refusal("aborted"); err != nil {
		return d, err
	}
	return d, l.decide(id, d, engine.Batch{})
}

// resolve asks after the votes of which nothing was heard for a while.
func (l *leader) resolve() {
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(l.node.patience):
		}
		for cast, p := range l.undecided() {
			if l.node.pause(BeforeAsk, cast) != nil {
				continue
			}
			ctx, cancel := context.WithTimeout(l.ctx, l.node.timeout)
			id, _, _ := strings.Cut(cast, "/")
			if d, err := ask(ctx, l.node, p.vote.Coordinator, outcome, id); err == nil {
				_, _ = l.finish(ctx, finishRequest{cast, d}) // if it fails it comes round again
			}
			cancel()
		}
	}
}

func (l *leader) undecided() map[string]*pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := make(map[string]*pending)
	for id, p := range l.pending {
		if p.release != nil && time.Since(p.since) > l.node.patience {
			old[id] = p
		}
	}
	return old
}
