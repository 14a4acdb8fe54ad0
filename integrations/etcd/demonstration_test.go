package epsilonetcd_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/epsilontime/epsilon/lease"
)

// exampleStorage decides as contrib/lock/storage in etcd's repository does: a write is refused if its version, the
// id of the writer's session, is not the one that the key was written with.
type exampleStorage map[string]struct {
	value   string
	version int64
}

func (s exampleStorage) write(key, value string, version int64) bool {
	if found, ok := s[key]; ok && found.version != version {
		return false
	}
	s[key] = struct {
		value   string
		version int64
	}{value, version}
	return true
}

// etcd's own example of fencing, contrib/lock, refuses the zombie if that has not written anything before its pause.
// If it has, its successor is refused for ever, and the zombie writes.
func TestDemonstrationEtcdsExampleOfFencing(t *testing.T) {
	client, prefix := etcd(t)
	storage := exampleStorage{}
	lock := func() *concurrency.Session {
		session, err := concurrency.NewSession(client)
		require.NoError(t, err)
		t.Cleanup(func() { session.Close() })
		require.NoError(t, concurrency.NewMutex(session, prefix+"lock").Lock(t.Context()))
		return session
	}
	first := lock()
	require.True(t, storage.write("key0", "of the first", int64(first.Lease())))

	_, err := client.Revoke(t.Context(), first.Lease()) // the first is paused, and as the example says: or wait for it to expire
	require.NoError(t, err)
	second := lock()
	require.False(t, storage.write("key0", "of the second", int64(second.Lease())), "who has the lock is refused")
	require.True(t, storage.write("key0", "of the zombie", int64(first.Lease())), "and who has lost it is not")

	// With tokens, and a fence that compares them, it is the other way round.
	clock, store, fence := newClock(), newStore(t, client, prefix), new(lease.Fence)
	zombie := acquire(t, clock, store, "lock")
	require.NoError(t, fence.Admit(zombie.Token()))
	clock.Advance(2 * ttl)
	successor := acquire(t, clock, store, "lock")
	require.NoError(t, fence.Admit(successor.Token()))
	require.ErrorIs(t, fence.Admit(zombie.Token()), lease.ErrStaleToken)
}

// A fence that lets the higher version pass would not mend the example: an id of a session begins with bits of the
// member of etcd that has granted it, so a later one may be lower.
func TestDemonstrationIdsOfSessionsAreNoTokens(t *testing.T) {
	c := newCluster(t, 3)
	grant := func(m *member) int64 {
		granted, err := connect(t, m.endpoint()).Grant(t.Context(), 60)
		require.NoError(t, err)
		return int64(granted.ID)
	}
	first := c.members[0]
	second := c.members[1]
	if grant(first) < grant(second) {
		first, second = second, first
	}
	var fence lease.Fence
	zombie, successor := lease.Token(grant(first)), lease.Token(grant(second))
	require.NoError(t, fence.Admit(zombie))
	require.ErrorIs(t, fence.Admit(successor), lease.ErrStaleToken, "who comes later is refused")
	require.NoError(t, fence.Admit(zombie), "and the zombie is not")
}

// Campaign of package concurrency returns nil to a candidate whose session has expired while it was waiting. It has
// no key, and nobody else sees it lead.
func TestDemonstrationALeaderWithoutASession(t *testing.T) {
	client, prefix := etcd(t)
	session := func() *concurrency.Session {
		s, err := concurrency.NewSession(client)
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	leader, waiting := concurrency.NewElection(session(), prefix+"e"), session()
	require.NoError(t, leader.Campaign(t.Context(), "first"))
	candidate := concurrency.NewElection(waiting, prefix+"e")
	elected := make(chan error, 1)
	go func() { elected <- candidate.Campaign(t.Context(), "second") }()
	keys := func() int {
		response, err := client.Get(t.Context(), prefix+"e/", clientv3.WithPrefix())
		require.NoError(t, err)
		return len(response.Kvs)
	}
	for keys() < 2 {
	}
	_, err := client.Revoke(t.Context(), waiting.Lease())
	require.NoError(t, err)
	require.NoError(t, leader.Resign(t.Context()))
	require.NoError(t, <-elected, "it was elected, it hears")
	require.Zero(t, keys(), "and nobody is")
	_, err = candidate.Leader(t.Context())
	require.ErrorIs(t, err, concurrency.ErrElectionNoLeader)
}
