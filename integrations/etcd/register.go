package epsilonetcd

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/epsilontime/epsilon/lease"
)

// register is the lease of one name in etcd: a record that is compared and swapped, and the key of its holder.
type register struct {
	kv   clientv3.KV
	name string
	keys keys
}

// load returns the record, and the header of the response.
func (r register) load(ctx context.Context) (lease.Record, *pb.ResponseHeader, error) {
	response, err := r.kv.Get(ctx, r.keys.record)
	if err != nil {
		return lease.Record{}, nil, r.failed(err)
	}
	record, err := r.decode(response)
	return record, response.Header, err
}

// decode returns the record in a response about its key. Its version is the revision of its last change.
func (r register) decode(response *clientv3.GetResponse) (record lease.Record, err error) {
	if len(response.Kvs) == 0 {
		return lease.Record{}, nil
	}
	kv := response.Kvs[0]
	if err := record.UnmarshalBinary(kv.Value); err != nil {
		return lease.Record{}, fmt.Errorf("epsilonetcd: key %.80q of lease %.80q: %w", r.keys.record, r.name, err)
	}
	record.Version = uint64(kv.ModRevision)
	return record, nil
}

// change is what a swap is to do beside replacing the record.
type change struct {
	holder string         // what to write to the key of a new holder
	unless []clientv3.Cmp // further conditions: the change is put off unless they hold
	why    error          // why it is put off
}

// swap replaces the record if it still has the version, and returns the header of the response, whose revision
// is the new version. It is one transaction of etcd.
//
// clientv3 sends a transaction again that was answered with Canceled or DeadlineExceeded while its context
// goes on, as a proxy may do, though it may have been carried out. So each transaction writes another value, by
// which it can tell that the record which it finds is its own.
func (r register) swap(ctx context.Context, version uint64, next lease.Record, c change) (*pb.ResponseHeader, error) {
	if version > math.MaxInt64 {
		return nil, r.conflict(version, "no revision is as high")
	}
	next.Version = rand.Uint64() // the version is elsewhere, and this is free to tell transactions apart
	value, err := next.MarshalBinary()
	if err != nil {
		return nil, err
	}
	response, err := r.kv.Txn(ctx).
		If(append(c.unless, clientv3.Compare(clientv3.ModRevision(r.keys.record), "=", int64(version)))...).
		Then(clientv3.OpPut(r.keys.record, string(value)), r.replaceHolder(next, c.holder)).
		Else(clientv3.OpGet(r.keys.record)).
		Commit()
	switch {
	case err != nil:
		return nil, r.failed(err)
	case response.Succeeded:
		return response.Header, nil
	}
	found := (*clientv3.GetResponse)(response.Responses[0].GetResponseRange())
	switch {
	case len(found.Kvs) == 1 && string(found.Kvs[0].Value) == string(value):
		return at(response.Header, found.Kvs[0].ModRevision), nil
	case len(found.Kvs) == 0 && version == 0, len(found.Kvs) == 1 && found.Kvs[0].ModRevision == int64(version):
		return nil, fmt.Errorf("epsilonetcd: lease %.80q: %w", r.name, c.why)
	case len(found.Kvs) == 0:
		return nil, r.conflict(version, "there is none")
	}
	return nil, r.conflict(version, fmt.Sprint("it is ", found.Kvs[0].ModRevision))
}

// replaceHolder has the key of the record's holder, and of no other.
func (r register) replaceHolder(next lease.Record, value string) clientv3.Op {
	if next.Holder == "" {
		return clientv3.OpDelete(r.keys.tokens, clientv3.WithRange(r.keys.end()))
	}
	key := r.keys.token(next.Token)
	// etcd refuses a transaction that deletes and puts the same key, so what is around it is deleted.
	return clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(key), "=", 0)},
		[]clientv3.Op{
			clientv3.OpDelete(r.keys.tokens, clientv3.WithRange(key)),
			clientv3.OpDelete(key+"\x00", clientv3.WithRange(r.keys.end())),
			clientv3.OpPut(key, value),
		}, nil)
}

// at returns the header with the revision of an earlier change.
func at(h *pb.ResponseHeader, revision int64) *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: h.ClusterId, MemberId: h.MemberId, RaftTerm: h.RaftTerm, Revision: revision}
}

func (r register) conflict(version uint64, what string) error {
	return fmt.Errorf("%w: %.80q does not have version %d: %s", lease.ErrConflict, r.name, version, what)
}
