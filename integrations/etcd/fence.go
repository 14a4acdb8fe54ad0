package epsilonetcd

import (
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/epsilontime/epsilon/lease"
)

// Fence is a condition for the holder's own transactions, by which etcd itself refuses a holder of the past:
//
//	response, err := client.Txn(ctx).
//		If(store.Fence("compactor", held.Token())).
//		Then(clientv3.OpPut("state", "…")).
//		Commit()
//	if err == nil && !response.Succeeded {
//		err = lease.ErrStaleToken
//	}
//
// It holds from the moment at which the lease was acquired with the token until it is acquired by another, given
// up, or revoked, at the revision at which the transaction is carried out. A process that was paused, for however
// long and whatever its clock says, is refused as soon as it has a successor, who need not have written anything
// yet; and whatever the holder of the past has written, its successor sees.
//
// It holds, too, once the lease has expired and nobody has acquired it yet, which does no harm. It does not hold
// for the zero token.
//
// The data must be in the same etcd cluster as the lease, and the transaction go through the same namespace.
// Elsewhere the token is what to compare: see [lease.Fence].
func (s *LeaseStore) Fence(name string, token lease.Token) clientv3.Cmp {
	return keysOf(s.prefix, name).fence(token)
}
