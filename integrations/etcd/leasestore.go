package epsilonetcd

import (
	"context"
	"errors"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/lease"
)

// LeaseStore is a [lease.Store] in etcd. Load is a linearizable read, and CompareAndSwap one transaction.
type LeaseStore struct {
	kv     clientv3.KV
	prefix string
}

var _ lease.Store = (*LeaseStore)(nil)

// NewLeaseStore returns a store whose keys begin with the prefix, such as "leases/": a [clientv3.Client], or
// what package namespace has made of its KV. It has nothing to be closed; close the client after the leases.
//
// The record of a lease has the prefix and the name as its key, and its holder that key, /# and the token. The
// characters % and # are written as %25 and %23 in both, so no name can be in the way of another.
func NewLeaseStore(kv clientv3.KV, prefix string) (*LeaseStore, error) {
	if unset.Nil(kv) {
		return nil, errors.New("epsilonetcd: the client is nil")
	}
	return &LeaseStore{kv, prefix}, nil
}

func (s *LeaseStore) register(name string) register {
	return register{s.kv, name, keysOf(s.prefix, name)}
}

// Load implements [lease.Store].
func (s *LeaseStore) Load(ctx context.Context, name string) (lease.Record, error) {
	record, _, err := s.register(name).load(ctx)
	return record, err
}

// CompareAndSwap implements [lease.Store].
func (s *LeaseStore) CompareAndSwap(ctx context.Context, name string, version uint64, next lease.Record) (uint64, error) {
	header, err := s.register(name).swap(ctx, version, next, change{})
	if err != nil {
		return 0, err
	}
	return uint64(header.Revision), nil
}
