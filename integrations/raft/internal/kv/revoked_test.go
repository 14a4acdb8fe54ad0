package kv

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
)

// A member that starts again does not know what was revoked. A lease from the future looks like any other when its end is near, and another leader,
// at which it was revoked, does not wait for it.
func TestMemberThatStartsAgainReadsByNothingThatWasRevoked(t *testing.T) {
	w := newWorld(t, 1, 3, habits{voters: 3}, rules{})
	for _, m := range w.members {
		m.clock.uncertainty = time.Millisecond
	}
	refuse := func(refuses bool) {
		for _, m := range w.members {
			m.clock.refuses = refuses
		}
	}
	w.run(time.Second)
	m := w.leader()
	w.put(m, "k", "old")
	wrong, other := w.members[(m.index+1)%3], w.members[(m.index+2)%3]
	wrong.clock.ahead = 4 * leaseDuration
	data := wrong.replica.lease.Wrap(nil)
	wrong.clock.ahead = 0
	expiry := w.now + 5*leaseDuration
	wrong.restart(false)
	require.NoError(t, m.replica.raft.Propose(data))
	m.run()
	w.run(50 * time.Millisecond)
	for _, m := range w.members {
		require.ErrorIs(t, m.replica.lease.Status().FromFuture, epsilonraft.ErrFromFuture)
		require.NoError(t, m.replica.lease.Revoke())
	}
	refuse(true) // or there would be leases that are as good
	w.run(expiry - leaseDuration - w.now)
	refuse(false)
	m.restart(false)
	m.campaign()
	w.run(10 * time.Millisecond)
	require.True(t, m.replica.leads())
	w.isolate(m, true, true)
	other.campaign()
	w.run(10 * time.Millisecond)
	require.True(t, other.replica.leads())
	told := false
	require.NoError(t, other.replica.Put(1000, "k", "new", func(string) { told = true }))
	other.run()
	for !told {
		w.run(time.Millisecond)
		require.Less(t, w.now, expiry-5*time.Millisecond, "nobody waits for it")
	}
	value, err := m.replica.Get("k")
	require.ErrorIs(t, err, epsilonraft.ErrExpired, "%s", value)
}
