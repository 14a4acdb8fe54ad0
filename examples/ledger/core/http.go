package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/epsilontime/epsilon/hlc/hlchttp"
	"github.com/epsilontime/epsilon/truetime"
)

// ReadRequest asks for balances: as of At, or of now if that is zero.
type ReadRequest struct {
	Accounts []string
	At       truetime.Time `json:",omitempty"`
}

// Snapshot is balances as of one timestamp. Accounts that did not exist then are not in it.
type Snapshot struct {
	Timestamp truetime.Time
	Balances  map[string]int64
}

// failure is an error on its way through HTTP.
type failure struct {
	Code, Message string
	Shard         int    `json:",omitempty"`
	Leader        string `json:",omitempty"`
}

// Handler serves clients and the other nodes. Every message carries a hybrid logical timestamp.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /transact", serve(n.Transact))
	mux.Handle("POST /read", serve(n.Read))
	handle(mux, n, prepare)
	handle(mux, n, finish)
	handle(mux, n, outcome)
	handle(mux, n, readShard)
	return hlchttp.Handler(n.hlc, mux)
}

// serve turns a function into a handler. It gives up waiting for locks when the client does.
func serve[Q, A any](answer func(context.Context, Q) (A, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var question Q
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&question); err != nil {
			fail(w, fmt.Errorf("%w: %w", ErrBadRequest, err))
			return
		}
		a, err := answer(r.Context(), question)
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a) // the client is gone
	})
}

func fail(w http.ResponseWriter, err error) {
	code, status := codeOf(err)
	f := failure{Code: code, Message: err.Error()}
	if other := (*NotLeaderError)(nil); errors.As(err, &other) {
		f.Shard, f.Leader = other.Shard, other.Leader
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(f)
}

// question is one that the leader of a shard can answer.
type question[Q, A any] struct {
	name   string
	answer func(*leader, context.Context, Q) (A, error)
}

var (
	prepare   = question[prepareRequest, vote]{"prepare", (*leader).prepare}
	finish    = question[finishRequest, struct{}]{"finish", (*leader).finish}
	outcome   = question[string, decision]{"outcome", (*leader).outcome}
	readShard = question[readRequest, map[string]int64]{"read", (*leader).read}
)

// put has a leader answer that led when the question came. It may have been deposed since, and not
// know: any time may pass between two steps of a goroutine.
func (w question[Q, A]) put(ctx context.Context, l *leader, q Q) (a A, err error) {
	if err := l.node.pause(Arrived, w.name); err != nil {
		return a, fmt.Errorf("%w: %w", ErrRetry, err)
	}
	return w.answer(l, ctx, q)
}

// ask has the leader of the shard answer, wherever that is.
func ask[Q, A any](ctx context.Context, n *Node, shard int, what question[Q, A], q Q) (a A, err error) {
	if l := n.leader(shard); l != nil {
		return what.put(ctx, l, q)
	}
	for fresh := false; ; fresh = true {
		url, err := n.whoLeads(ctx, shard, fresh)
		if err == nil {
			err = post(ctx, n.http, fmt.Sprintf("%s/shard/%d/%s", url, shard, what.name), q, &a)
		}
		if fresh || !errors.Is(err, ErrRetry) {
			return a, err
		}
	}
}

// handle serves those who ask.
func handle[Q, A any](mux *http.ServeMux, n *Node, what question[Q, A]) {
	mux.HandleFunc("POST /shard/{shard}/"+what.name, func(w http.ResponseWriter, r *http.Request) {
		shard, err := strconv.Atoi(r.PathValue("shard"))
		if err != nil || shard < 0 || shard >= n.shards {
			fail(w, fmt.Errorf("%w: there is no shard %.20q", ErrBadRequest, r.PathValue("shard")))
			return
		}
		l := n.leader(shard)
		if l == nil {
			fail(w, n.notLeader(r.Context(), shard))
			return
		}
		serve(func(ctx context.Context, q Q) (A, error) { return what.put(ctx, l, q) }).ServeHTTP(w, r)
	})
}

// Transact commits a transaction, if this node leads its coordinator.
func (n *Node) Transact(ctx context.Context, t Transaction) (Result, error) {
	if err := t.validate(); err != nil {
		return Result{}, err
	}
	order, _ := t.split(n.shards)
	shard := order[len(order)-1]
	l := n.leader(shard)
	if l == nil {
		return Result{}, n.notLeader(ctx, shard)
	}
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	return l.transact(ctx, t)
}

// Read returns balances of any shards as of one timestamp. Without one that is Latest of now, so
// that all which was acknowledged before is seen: its timestamps have passed.
func (n *Node) Read(ctx context.Context, r ReadRequest) (Snapshot, error) {
	at := r.At
	if at.IsZero() {
		now, err := n.clock.Now()
		if err != nil {
			return Snapshot{}, fmt.Errorf("%w: %w", ErrRetry, err)
		}
		at = now.Latest
	}
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	s := Snapshot{Timestamp: at, Balances: make(map[string]int64)}
	where := make(map[int][]string)
	for _, account := range r.Accounts {
		if !name.MatchString(account) {
			return Snapshot{}, fmt.Errorf("%w: account %.80q", ErrBadRequest, account)
		}
		shard := ShardOf(account, n.shards)
		where[shard] = append(where[shard], account)
	}
	for shard, accounts := range where {
		balances, err := ask(ctx, n, shard, readShard, readRequest{at, accounts})
		if err != nil {
			return Snapshot{}, err
		}
		for account, balance := range balances {
			s.Balances[account] = balance
		}
	}
	return s, nil
}

func post(ctx context.Context, client *http.Client, url string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRetry, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrRetry, url, err)
		}
		return nil
	}
	var f failure
	if err := json.NewDecoder(response.Body).Decode(&f); err != nil {
		return fmt.Errorf("%w: %s: %s", ErrRetry, url, response.Status)
	}
	if f.Code == "not_leader" {
		return &NotLeaderError{f.Shard, f.Leader}
	}
	return &toldError{errorOf(f.Code), f.Message}
}

// toldError is an error that another process has put into words.
type toldError struct {
	is   error
	text string
}

func (e *toldError) Error() string { return e.text }

func (e *toldError) Unwrap() error { return e.is }
