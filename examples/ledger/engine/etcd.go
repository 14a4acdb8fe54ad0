package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	epsilonetcd "github.com/epsilontime/epsilon/integrations/etcd"
	"github.com/epsilontime/epsilon/lease"
)

// Etcd is an engine in an etcd cluster: replicated, and one that you may already have. Its reads
// and transactions are linearizable as they are. etcd refuses transactions of more than 128
// operations (its --max-txn-ops), and so does this.
type Etcd struct {
	client    *clientv3.Client
	endpoints []string
	leases    *epsilonetcd.LeaseStore
}

// OpenEtcd connects to the members of a cluster, and fails if there is no quorum until ctx ends.
func OpenEtcd(ctx context.Context, endpoints ...string) (*Etcd, error) {
	return openEtcdWith(ctx, endpoints)
}

// openEtcdWith lets others stand between the client and etcd.
func openEtcdWith(ctx context.Context, endpoints []string, between ...grpc.DialOption) (*Etcd, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
		DialOptions: append([]grpc.DialOption{grpc.WithChainUnaryInterceptor(noteAttempts)}, between...),
	})
	if err != nil {
		return nil, fmt.Errorf("engine: etcd at %v: %w", endpoints, err)
	}
	leases, err := epsilonetcd.NewLeaseStore(client, leasePrefix)
	if err != nil {
		client.Close()
		return nil, err
	}
	e := &Etcd{client, endpoints, leases}
	if _, err := client.Get(ctx, formatKey); err != nil {
		client.Close()
		return nil, e.trouble(err)
	}
	return e, nil
}

// trouble says what is known of a request that failed: not whether it was carried out.
func (e *Etcd) trouble(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("engine: etcd at %v has no quorum, or cannot be reached: %w; start enough of its members", e.endpoints, err)
	}
	return fmt.Errorf("engine: etcd at %v: %w", e.endpoints, err)
}

// openKey is that of a context's *bool, which becomes true when a request was sent and failed.
type openKey struct{}

// noteAttempts notes that a request was sent and failed, so that it may have been carried out. clientv3 sends a
// transaction again by itself that was answered with DeadlineExceeded or Canceled while its context goes on.
func noteAttempts(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	err := invoke(ctx, method, request, reply, conn, options...)
	if open, noted := ctx.Value(openKey{}).(*bool); noted && err != nil {
		*open = true
	}
	return err
}

// Read implements Engine. All ranges go into one transaction.
func (e *Etcd) Read(ctx context.Context, ranges ...Range) ([][]Pair, error) {
	gets := make([]clientv3.Op, len(ranges))
	for i, r := range ranges {
		gets[i] = clientv3.OpGet(r.From, clientv3.WithRange(r.To), clientv3.WithLimit(int64(r.Limit)))
	}
	response, err := e.client.Txn(ctx).Then(gets...).Commit()
	if err != nil {
		return nil, e.trouble(err)
	}
	found := make([][]Pair, len(ranges))
	for i, r := range response.Responses {
		for _, kv := range r.GetResponseRange().Kvs {
			found[i] = append(found[i], Pair{string(kv.Key), kv.Value})
		}
	}
	return found, nil
}

// Apply implements Engine.
func (e *Etcd) Apply(ctx context.Context, batch Batch) error {
	var conditions []clientv3.Cmp
	for _, c := range batch.If {
		if c.Value == nil {
			conditions = append(conditions, clientv3.Compare(clientv3.CreateRevision(c.Key), "=", 0))
		} else {
			conditions = append(conditions, clientv3.Compare(clientv3.Value(c.Key), "=", string(c.Value)))
		}
	}
	var writes []clientv3.Op
	for _, put := range batch.Put {
		writes = append(writes, clientv3.OpPut(put.Key, string(put.Value)))
	}
	for _, key := range batch.Delete {
		writes = append(writes, clientv3.OpDelete(key))
	}
	open := false
	response, err := e.client.Txn(context.WithValue(ctx, openKey{}, &open)).If(conditions...).Then(writes...).Commit()
	switch {
	case err != nil:
		return e.trouble(err)
	case response.Succeeded:
		return nil
	case open: // what the first attempt wrote may be what the second was refused for
		return fmt.Errorf("engine: etcd at %v: a transaction whose answer was lost was sent again and refused: it was written or not", e.endpoints)
	}
	return fmt.Errorf("%w, says etcd", ErrConflict)
}

// Leases implements Engine.
func (e *Etcd) Leases() lease.Store { return e.leases }

// Close implements Engine.
func (e *Etcd) Close() error { return e.client.Close() }
