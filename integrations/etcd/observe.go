package epsilonetcd

import (
	"context"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// Leader returns the key and the value of the leader. The error is [concurrency.ErrElectionNoLeader] if there
// never was one, or the last one has resigned or its lease has certainly expired. The answer is a hint, and old
// when it arrives, as that of [lease.Look] is; while the clock refuses it is the last leader known.
func (e *Election) Leader(ctx context.Context) (*clientv3.GetResponse, error) {
	response, err := e.look(ctx)
	if err == nil && len(response.Kvs) == 0 {
		return nil, concurrency.ErrElectionNoLeader
	}
	return response, err
}

// look returns the key of the leader, if there is one, and the revision as of which that is so.
func (e *Election) look(ctx context.Context) (*clientv3.GetResponse, error) {
	r := e.store.register(e.prefix)
	both, err := e.client.Txn(ctx).
		Then(clientv3.OpGet(r.keys.record), clientv3.OpGet(r.keys.tokens, clientv3.WithPrefix())).
		Commit()
	if err != nil {
		return nil, r.failed(err)
	}
	record, err := r.decode((*clientv3.GetResponse)(both.Responses[0].GetResponseRange()))
	if err != nil {
		return nil, err
	}
	found := (*clientv3.GetResponse)(both.Responses[1].GetResponseRange())
	found.Header = both.Header
	// The clock after the record: what has expired by then had expired when the caller hears of it.
	if now, err := e.clock.Now(); record.Holder == "" || err == nil && now.After(record.Expiry) {
		found.Kvs, found.Count = nil, 0
	}
	return found, nil
}

// Observe returns a channel of the leader, if there is one, and then of every leader that is elected and every
// value that a leader proclaims, in their order. Where etcd has compacted a part of the past, the channel goes on
// with the present leader. It does not tell that a leader has resigned, or has expired.
//
// The channel is closed when ctx ends or etcd cannot be asked any more. A member of etcd that is cut off from the
// others has nothing to tell, and says so only if the context is one of [clientv3.WithRequireLeader].
func (e *Election) Observe(ctx context.Context) <-chan *clientv3.GetResponse {
	leaders := make(chan *clientv3.GetResponse)
	go func() {
		defer close(leaders)
		for e.observe(ctx, leaders) {
		}
	}()
	return leaders
}

// observe tells of leaders until the past that it watches is compacted, and then returns true.
func (e *Election) observe(ctx context.Context, leaders chan<- *clientv3.GetResponse) (again bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tell := func(response *clientv3.GetResponse) bool {
		select {
		case leaders <- response:
			return true
		case <-ctx.Done():
			return false
		}
	}
	now, err := e.look(ctx)
	if err != nil || len(now.Kvs) > 0 && !tell(now) {
		return false
	}
	tokens := e.store.register(e.prefix).keys.tokens
	for changes := range e.client.Watch(ctx, tokens, clientv3.WithPrefix(), clientv3.WithRev(now.Header.Revision+1)) {
		if changes.CompactRevision != 0 {
			return true
		}
		if changes.Err() != nil {
			return false
		}
		for _, event := range changes.Events {
			if event.Type != mvccpb.Event_PUT {
				continue
			}
			found := &clientv3.GetResponse{Header: at(changes.Header, event.Kv.ModRevision), Kvs: []*mvccpb.KeyValue{event.Kv}, Count: 1}
			if !tell(found) {
				return false
			}
		}
	}
	return false
}
