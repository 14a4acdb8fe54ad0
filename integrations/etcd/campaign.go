package epsilonetcd

import (
	"context"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/epsilontime/epsilon/lease"
)

// acquire waits for the lease. A [lease.Candidate] that waits asks four times in a TTL whether the lease was
// given up; here etcd tells. In all other trouble it is left to the candidate what to outlast.
func (e *Election) acquire(ctx context.Context, candidate *lease.Candidate) (*lease.Lease, error) {
	for {
		held, err := candidate.TryAcquire(ctx)
		if err == nil {
			return held, nil
		}
		if !errors.Is(err, lease.ErrTaken) {
			break
		}
		if e.awaitTurn(ctx) == nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w; %w", ctx.Err(), err)
		}
		break
	}
	return candidate.Acquire(ctx)
}

// awaitTurn returns nil when the lease may be free: it was given up, another was elected, or it has expired by
// the clock unless it was renewed. It returns an error if that cannot be known.
func (e *Election) awaitTurn(ctx context.Context) error {
	r := e.store.register(e.prefix)
	record, header, err := r.load(ctx)
	if err != nil {
		return err
	}
	now, err := e.clock.Now()
	if err != nil {
		return err
	}
	if record.Holder == "" || now.After(record.Expiry) {
		return nil
	}
	// A record from the future is not waited for. Watch itself waits for the server's word that it watches, as long
	// as its context goes on: of a server that does not answer, for ever.
	wait, cancel := context.WithTimeout(ctx, min(record.Expiry.Sub(now.Earliest)+1, record.TTL))
	defer cancel()
	change := <-e.client.Watch(wait, r.keys.tokens, clientv3.WithPrefix(), clientv3.WithRev(header.Revision+1))
	switch {
	case ctx.Err() != nil:
		return errors.Join(change.Err(), ctx.Err())
	case wait.Err() != nil, // the lease may have expired
		change.CompactRevision != 0: // something was changed
		return nil
	}
	return change.Err()
}
