package epsilonraft_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/integrations/raft/internal/kv"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// BenchmarkRead compares reads by lease and by ReadIndex (ReadOnlySafe) at the leader of one cluster of three nodes, whose network is
// channels of one process: a real one would add its round trip to each question by ReadIndex, and nothing to the lease. As in etcd, one question
// of ReadIndex is under way at a time, for all reads that have come until then.
func BenchmarkRead(b *testing.B) {
	clock := truetimetest.NewFollowing(time.Millisecond, 0)
	cluster, err := kv.StartCluster([]truetime.Reader{clock, clock, clock}, 2*time.Second, 50*time.Millisecond)
	require.NoError(b, err)
	defer cluster.Close()
	ctx := b.Context()
	leader, err := cluster.Leader(ctx)
	require.NoError(b, err)
	for i := range 100 {
		_, err := leader.Put(ctx, fmt.Sprint("key", i), fmt.Sprint("value", i))
		require.NoError(b, err)
	}
	for _, readers := range []int{1, 64} {
		for name, read := range map[string]func(context.Context, string) (string, error){
			"lease":     func(_ context.Context, key string) (string, error) { return leader.GetByLease(key) },
			"readindex": leader.GetByQuorum,
		} {
			b.Run(fmt.Sprintf("%s/readers=%d", name, readers), func(b *testing.B) {
				b.SetParallelism(readers)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if value, err := read(ctx, "key7"); err != nil || value != "value7" {
							b.Errorf("%q, %v", value, err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
			})
		}
	}
}
