package epsilonraft_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/integrations/raft/internal/kv"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// startClock asks three servers on loopback.
func startClock(b *testing.B) *truetime.Clock {
	b.Helper()
	var sources []truetime.Source
	for range 3 {
		server, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Dispersion: 100 * time.Microsecond})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, server.Close()) })
		sources = append(sources, ntpsrc.Server(server.Address(), ntpsrc.WithLocalReference()))
	}
	clock, err := truetime.New(sources, truetime.WithPoll(time.Second, time.Minute))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, clock.Close()) })
	require.NoError(b, clock.WaitSynchronized(b.Context(), 10*time.Millisecond))
	return clock
}

// BenchmarkRead compares reads by lease and by ReadIndex (ReadOnlySafe) at the leader of one cluster of three nodes with clocks of their own, whose network is
// channels of one process: a real one would add its round trip to each question by ReadIndex, and nothing to the lease. As in etcd, one question
// of ReadIndex is under way at a time, for all reads that have come until then.
func BenchmarkRead(b *testing.B) {
	cluster, err := kv.StartCluster([]truetime.Reader{startClock(b), startClock(b), startClock(b)}, 5*time.Second, 500*time.Millisecond)
	require.NoError(b, err)
	defer cluster.Close()
	ctx := b.Context()
	leader := cluster.Campaign() // or it would take 10 ticks, which are long: readers that never wait must not cost a leader its office
	_, err = cluster.Leader(ctx)
	require.NoError(b, err)
	for i := range 100 {
		_, err := leader.Put(ctx, fmt.Sprint("key", i), fmt.Sprint("value", i))
		require.NoError(b, err)
	}
	type get = func(ctx context.Context, key string) (string, error)
	var others atomic.Int64
	byLease := func(ctx context.Context, key string) (string, error) {
		value, err := leader.GetByLease(key)
		if err != nil { // a renewal is committed and not applied yet
			others.Add(1)
			return leader.GetByQuorum(ctx, key)
		}
		return value, nil
	}
	for _, way := range []struct {
		name string
		get  get
	}{{"lease", byLease}, {"readindex", leader.GetByQuorum}} {
		read := func(b *testing.B) {
			if value, err := way.get(ctx, "key7"); err != nil || value != "value7" {
				b.Errorf("%q, %v", value, err)
			}
		}
		b.Run(way.name+"/readers=1", func(b *testing.B) { // the time of one
			for b.Loop() {
				read(b)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
		})
		b.Run(way.name+"/readers=16", func(b *testing.B) { // as many as it can
			b.SetParallelism(max(1, 16/runtime.GOMAXPROCS(0)))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					read(b)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
		})
	}
	if n := others.Load(); n > 1000 {
		b.Errorf("%d reads were not answered by the lease", n)
	}
}
