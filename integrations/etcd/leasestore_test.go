package epsilonetcd_test

import (
	"fmt"
	"math"
	"strings"
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

// Whatever the names and the prefixes are, no lease is in the way of another, or of another's fence.
func TestNamesAreApart(t *testing.T) {
	client, prefix := etcd(t)
	long := strings.Repeat("#", lease.MaxName)
	names := []string{
		"a", "a/", "a/#", "a/#00000000000000000001", "a/#00000000000000000002", "a/$", "a#", "a%23", "a%2523", "a/%2300000000000000000001",
		"a/b", "A", "a ", "名", "\x01\n", long, long[1:],
		"a\x00", "\x00", "\xff", // which no candidate can have, but a store that is asked keeps them apart all the same
	}
	type place struct {
		store *epsilonetcd.LeaseStore
		name  string
	}
	var places []place
	for _, below := range []string{"", "a/", "a/#", "a/#0000000000000000000"} {
		for _, name := range names {
			places = append(places, place{newStore(t, client, prefix+below+"|"), name})
		}
	}
	record := func(i int) lease.Record {
		return lease.Record{Holder: "h", Session: lease.Session{1}, Token: lease.Token(i + 1), Expiry: 1, TTL: 1}
	}
	versions := make([]uint64, len(places))
	for i, p := range places {
		var err error
		versions[i], err = p.store.CompareAndSwap(t.Context(), p.name, 0, record(i))
		require.NoError(t, err, "%.40q", p.name)
	}
	for i, p := range places {
		want := record(i)
		want.Version = versions[i]
		got, err := p.store.Load(t.Context(), p.name)
		require.NoError(t, err)
		require.Equal(t, want, got, "%.40q", p.name)
		require.True(t, write(t, client, p.store.Fence(p.name, want.Token), prefix+"x", ""), "%.40q", p.name)
		require.False(t, write(t, client, p.store.Fence(p.name, want.Token+1), prefix+"x", ""), "%.40q", p.name)
		_, err = p.store.CompareAndSwap(t.Context(), p.name, want.Version, lease.Record{Token: want.Token, TTL: 1})
		require.NoError(t, err)
		require.False(t, write(t, client, p.store.Fence(p.name, want.Token), prefix+"x", ""), "%.40q", p.name)
	}
}

// Another holder's key is deleted whatever its token was: the fence does not rely on tokens that are consecutive.
func TestOneHolderHasAKey(t *testing.T) {
	client, prefix := etcd(t)
	store := newStore(t, client, prefix)
	var version uint64
	for _, token := range []lease.Token{7, 9, 1, math.MaxUint64 - 1, 8, 8, 100} {
		var err error
		version, err = store.CompareAndSwap(t.Context(), "a", version, lease.Record{Holder: "h", Session: lease.Session{1}, Token: token, Expiry: 1, TTL: 1})
		require.NoError(t, err)
		response, err := client.Get(t.Context(), prefix+"a/", clientv3.WithPrefix())
		require.NoError(t, err)
		require.Len(t, response.Kvs, 1)
		require.Equal(t, fmt.Sprintf("%sa/#%020d", prefix, token), string(response.Kvs[0].Key))
	}
}

func TestWhatIsNoRecordIsReported(t *testing.T) {
	client, prefix := etcd(t)
	store := newStore(t, client, prefix)
	_, err := client.Put(t.Context(), prefix+"a", "something else")
	require.NoError(t, err)
	_, err = store.Load(t.Context(), "a")
	require.ErrorIs(t, err, lease.ErrCorrupt)
	require.ErrorContains(t, err, prefix+"a")
	candidate, err := lease.NewCandidate(newClock(), store, "a", ttl)
	require.NoError(t, err)
	_, err = candidate.Acquire(t.Context())
	require.ErrorIs(t, err, lease.ErrCorrupt)
	_, err = epsilonetcd.NewLeaseStore(nil, "")
	require.ErrorContains(t, err, "nil")
	_, err = epsilonetcd.NewLeaseStore((*clientv3.Client)(nil), "")
	require.ErrorContains(t, err, "nil")
}
