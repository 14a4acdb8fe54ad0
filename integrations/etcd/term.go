package epsilonetcd

import (
	"context"
	"errors"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/epsilontime/epsilon/lease"
)

// errOthers is why a campaign waits where both elections are used.
var errOthers = errors.New("candidates of concurrency.Election, or other keys, are below the prefix: no leader is elected until they are gone")

// term is the [lease.Store] of one campaign and of the time in office that follows it. It knows the value to be
// written to the key of the leader, in the transaction by which the lease is acquired, and sees where that was.
type term struct {
	register register
	value    string

	mu      sync.Mutex
	session lease.Session // of the last attempt to acquire the lease
	token   lease.Token   // by which the lease was acquired in that session, or zero
	header  *pb.ResponseHeader
}

// Load implements [lease.Store].
func (t *term) Load(ctx context.Context, _ string) (lease.Record, error) {
	record, header, err := t.register.load(ctx)
	if err == nil {
		t.see(record, header)
	}
	return record, err
}

// see notes when the lease was acquired. Who acquires it sees the record before it is renewed, if not by the
// answer to the transaction then by loading it.
func (t *term) see(record lease.Record, header *pb.ResponseHeader) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if record.Session == t.session && record.Session != (lease.Session{}) && record.Token != t.token {
		t.token, t.header = record.Token, at(header, int64(record.Version))
	}
}

// CompareAndSwap implements [lease.Store].
func (t *term) CompareAndSwap(ctx context.Context, _ string, version uint64, next lease.Record) (uint64, error) {
	var c change
	if t.acquires(next) {
		// Candidates of concurrency.Election wait for the deletion of all keys below the prefix that were there
		// before theirs, ours too. If we wait for theirs in turn there is one leader while both are in use.
		none := clientv3.Compare(clientv3.CreateRevision(t.register.keys.record+"/"), "=", 0)
		c = change{holder: t.value, why: errOthers, unless: []clientv3.Cmp{
			none.WithRange(t.register.keys.tokens),
			clientv3.Compare(clientv3.CreateRevision(t.register.keys.end()), "=", 0).WithRange(clientv3.GetPrefixRangeEnd(t.register.keys.record + "/")),
		}}
	}
	header, err := t.register.swap(ctx, version, next, c)
	if err != nil {
		return 0, err
	}
	next.Version = uint64(header.Revision)
	t.see(next, header)
	return next.Version, nil
}

// acquires reports whether next is the record of somebody who does not hold the lease yet.
func (t *term) acquires(next lease.Record) bool {
	if next.Holder == "" {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if next.Session != t.session {
		t.session, t.token = next.Session, 0
	}
	return next.Token != t.token
}

// began returns the header of the response to the transaction by which the lease was acquired.
func (t *term) began() *pb.ResponseHeader {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.header
}
