package kv

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startCluster(t *testing.T, lease time.Duration) *Cluster {
	var clocks []truetime.Reader
	for _, offset := range []time.Duration{-5, 5, 0} { // at both ends of what they claim
		clocks = append(clocks, truetimetest.NewFollowing(offset*time.Millisecond, 5*time.Millisecond))
	}
	cluster, err := StartCluster(clocks, lease, 10*time.Millisecond)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return cluster
}

// On goroutines, with the machine's time: while a new leader is elected and the old one does not know, the old one answers until its
// lease expires, and nothing that is written at the new one is told before that.
func TestNewLeaderTellsNothingUntilTheOldLeaseHasExpired(t *testing.T) {
	cluster := startCluster(t, 2*time.Second)
	ctx := t.Context()
	old, err := cluster.Leader(ctx)
	require.NoError(t, err)
	_, err = old.Put(ctx, "a", "old")
	require.NoError(t, err)
	cluster.Isolate(old, true)
	successor, err := cluster.Leader(ctx)
	require.NoError(t, err)

	var told atomic.Bool
	var answered int
	var reader sync.WaitGroup
	reader.Go(func() { // reads at the old leader, as long as it answers
		for {
			late := told.Load()
			value, err := old.GetByLease("a")
			if errors.Is(err, epsilonraft.ErrExpired) {
				return
			}
			if err != nil || value != "old" || late {
				t.Errorf("%q, %v; the new value had been told before: %v", value, err, late)
				return
			}
			answered++
		}
	})
	previous, err := successor.Put(ctx, "a", "new")
	require.NoError(t, err)
	require.Equal(t, "old", previous)
	told.Store(true)
	reader.Wait()
	require.Positive(t, answered, "by the old leader")

	cluster.Isolate(old, false)
	value, err := successor.Get(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, "new", value)
}

func TestManyReadAndWrite(t *testing.T) {
	cluster := startCluster(t, 200*time.Millisecond)
	ctx := t.Context()
	leader, err := cluster.Leader(ctx)
	require.NoError(t, err)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			key := fmt.Sprint("key", i)
			for j := range 50 {
				want := fmt.Sprint(j)
				if _, err := leader.Put(ctx, key, want); err != nil {
					t.Error(err)
					return
				}
				for _, get := range []func(context.Context, string) (string, error){leader.Get, leader.GetByQuorum} {
					if value, err := get(ctx, key); err != nil || value != want {
						t.Errorf("%q, %v: not %q", value, err, want)
					}
				}
			}
		})
	}
	clients.Wait()
	require.NoError(t, leader.replica.lease.Status().Err)
}

func TestClosedNodeSaysSo(t *testing.T) {
	cluster := startCluster(t, time.Second)
	leader, err := cluster.Leader(t.Context())
	require.NoError(t, err)
	leader.Close()
	_, err = leader.Put(t.Context(), "a", "b")
	require.ErrorIs(t, err, ErrClosed)
	_, err = leader.GetByQuorum(t.Context(), "a")
	require.ErrorIs(t, err, ErrClosed)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	cluster.Isolate(leader, true)
	for _, n := range cluster.nodes {
		_, err = n.GetByQuorum(ended, "a")
		require.Error(t, err)
	}
}
