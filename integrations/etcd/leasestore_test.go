package epsilonetcd_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	epsilonetcd "github.com/epsilontime/epsilon/integrations/etcd"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/lease/leasetest"
)

func newStore(t testing.TB, kv clientv3.KV, prefix string) *epsilonetcd.LeaseStore {
	t.Helper()
	store, err := epsilonetcd.NewLeaseStore(kv, prefix)
	require.NoError(t, err)
	return store
}

func TestLeaseStorePassesTheSuite(t *testing.T) {
	client, prefix := etcd(t)
	n := 0
	leasetest.TestStore(t, func(t *testing.T) lease.Store {
		n++
		return newStore(t, client, fmt.Sprint(prefix, n, "/"))
	})
}
