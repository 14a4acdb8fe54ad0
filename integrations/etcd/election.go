package epsilonetcd

import (
	"context"
	"fmt"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// Election has the methods of [concurrency.Election], for programs that use it and want to be one leader at a
// time by proof. Instead of a session it has a clock and a TTL, and it stands on a lease of package lease.
//
//	election, err := epsilonetcd.NewElection(clock, client, "/compactor", 10*time.Second)
//	if err := election.Campaign(ctx, "host-7"); err != nil {
//		return err
//	}
//	defer election.Resign(ctx)
//	fence := election.Fence() // of this term, for all of its work
//	response, err := client.Txn(ctx).If(fence).Then(clientv3.OpPut("state", "…")).Commit()
//
// The leader's key is below the prefix, has the leader's value, and was created when it was elected, as it is
// there: transactions that compare the creation revision of Key with Rev go on to work.
//
// What differs:
//   - The leader loses the lease by its clock, whether it can reach etcd or not: Lease().Check says at any time, and
//     without a round trip, whether it still leads, and the context of Lease().Context ends in time. There is no
//     Session and no Done.
//   - Campaign returns nil only if the lease is held. That of package concurrency does so, too, if its session has
//     expired while it was waiting.
//   - The key is not bound to a lease of etcd, so it stays when a leader has crashed, until the next one is elected.
//     Leader knows by the clock that it does not count.
//   - Who is next is whoever is first, and not who has waited longest. All who wait ask etcd when a leader resigns.
//   - Nothing is resumed: a process that has restarted has to be elected again, and so has to wait until its
//     predecessor's lease expires. There is no ResumeElection.
//   - Methods may be called by several goroutines. Of several campaigns at a time one is carried out.
//   - Errors wrap more than they say: compare with errors.Is, also [concurrency.ErrElectionNoLeader] and
//     [concurrency.ErrElectionNotLeader].
//
// The lease is the one of that name in NewLeaseStore(client, ""): for [lease.Look], and for [lease.Revoke].
//
// While some processes still use concurrency.Election with the same prefix, there is one leader among all as long as
// the sessions of those are as good as they always were: a candidate of either kind waits for the other's. If a leader
// of this kind crashes meanwhile, nobody is elected before the candidates of the other kind are gone. So replace one
// process after the other, and do not stay there.
type Election struct {
	client  *clientv3.Client
	store   *LeaseStore
	clock   truetime.Reader
	prefix  string
	ttl     time.Duration
	options []lease.Option

	campaigning chan struct{} // taken by Campaign

	mu     sync.Mutex
	term   *term        // nil if not elected
	held   *lease.Lease // nil if not elected
	header *pb.ResponseHeader
}

// NewElection returns an election on a prefix, which is the name of the lease as well: valid UTF-8 of 1 to
// [lease.MaxName] bytes without a zero byte. The characters % and # are not allowed, and there must be no other keys
// below the prefix and a slash. The TTL and the options are those of [lease.NewCandidate]. It asks neither the
// clock nor etcd. Close the client after having resigned.
func NewElection(
	clock truetime.Reader, client *clientv3.Client, prefix string, ttl time.Duration, options ...lease.Option,
) (*Election, error) {
	store, err := NewLeaseStore(client, "")
	if err != nil {
		return nil, err
	}
	if keysOf("", prefix).record != prefix { // concurrency.Election would have other keys
		return nil, fmt.Errorf("epsilonetcd: the prefix %.80q has a %% or a #: take one without", prefix)
	}
	if _, err := lease.NewCandidate(clock, store, prefix, ttl, options...); err != nil {
		return nil, err
	}
	return &Election{
		client: client, store: store, clock: clock, prefix: prefix, ttl: ttl, options: options,
		campaigning: make(chan struct{}, 1),
	}, nil
}

// Campaign waits until the lease is held, and then the value is the leader's, for everybody to see. It outlasts
// errors of etcd and refusals of the clock until ctx ends, and returns at once for what waiting does not mend,
// as [lease.Candidate.Acquire] does. If this Election leads already it proclaims the value.
func (e *Election) Campaign(ctx context.Context, value string) error {
	select {
	case e.campaigning <- struct{}{}:
		defer func() { <-e.campaigning }()
	case <-ctx.Done():
		return fmt.Errorf("epsilonetcd: election %.80q: another campaign is under way: %w", e.prefix, ctx.Err())
	}
	if held := e.Lease(); held != nil {
		if held.Check() == nil {
			return e.Proclaim(ctx, value)
		}
		e.leave(held)
		_ = held.Close()
	}
	t := &term{register: e.store.register(e.prefix), value: value}
	candidate, err := lease.NewCandidate(e.clock, t, e.prefix, e.ttl, e.options...)
	if err != nil {
		return err
	}
	held, err := e.acquire(ctx, candidate)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.term, e.held, e.header = t, held, t.began()
	return nil
}

// Proclaim lets the leader announce another value. The error wraps [concurrency.ErrElectionNotLeader] if it does
// not lead: its clock says so, or etcd has refused the value because somebody else was elected.
func (e *Election) Proclaim(ctx context.Context, value string) error {
	e.mu.Lock()
	t, held := e.term, e.held
	e.mu.Unlock()
	if held == nil {
		return concurrency.ErrElectionNotLeader
	}
	if err := held.Check(); err != nil {
		return fmt.Errorf("%w: %w", concurrency.ErrElectionNotLeader, err)
	}
	keys := t.register.keys
	response, err := e.client.Txn(ctx).If(keys.fence(held.Token())).Then(clientv3.OpPut(keys.token(held.Token()), value)).Commit()
	if err != nil {
		return t.register.failed(err)
	}
	if !response.Succeeded {
		return fmt.Errorf("%w: %w %d", concurrency.ErrElectionNotLeader, lease.ErrStaleToken, held.Token())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.header = response.Header
	return nil
}

// Resign gives the lead up, so that others can have it at once; see [lease.Lease.Release] for what it waits for.
// Without a lead it returns nil. After an error others have to wait until the lease expires, and this Election
// does not lead in any case.
func (e *Election) Resign(ctx context.Context) error {
	held := e.Lease()
	if held == nil {
		return nil
	}
	e.leave(held)
	return held.Release(ctx)
}

// leave forgets the lead.
func (e *Election) leave(held *lease.Lease) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held == held {
		e.term, e.held = nil, nil
	}
}

// Lease returns the lease of the leader, or nil if this Election has not been elected, or has resigned. Its Check
// says whether it leads now, its Context ends before it stops leading, and its Token is for resources that are
// not in this etcd. To Close it is to leave without resigning.
func (e *Election) Lease() *lease.Lease {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.held
}

// Fence is the condition for the leader's transactions: see [LeaseStore.Fence]. It never holds without a lead.
//
// Take it once after Campaign, before the first read, and use it for all work of that term. If another goroutine
// campaigns again meanwhile, whoever asks for the fence only when writing is given the one of the new term, and
// etcd carries out what was decided in the old.
func (e *Election) Fence() clientv3.Cmp {
	var token lease.Token
	if held := e.Lease(); held != nil {
		token = held.Token()
	}
	return keysOf("", e.prefix).fence(token)
}

// Key returns the leader's key if elected, and the empty string otherwise.
func (e *Election) Key() string {
	held := e.Lease()
	if held == nil {
		return ""
	}
	return keysOf("", e.prefix).token(held.Token())
}

// Rev returns the creation revision of the leader's key if elected, and 0 otherwise.
func (e *Election) Rev() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.term == nil {
		return 0
	}
	return e.term.began().Revision
}

// Header is the response header of the last successful Campaign or Proclaim.
func (e *Election) Header() *pb.ResponseHeader {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.header
}
