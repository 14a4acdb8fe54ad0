package core

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Names are taken in one order, whatever order they are given in, so nobody waits in a circle.
func TestLocksAreTakenInOneOrder(t *testing.T) {
	var l locks
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for _, names := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}, {"b", "c", "a"}} {
		all.Go(func() {
			for range 5000 {
				release, err := l.acquire(ctx, names...)
				if err != nil {
					t.Error(err)
					return
				}
				release()
			}
		})
	}
	all.Wait()
	require.Empty(t, l.held)
}

// Who gives up holds nothing.
func TestLocksThatWereNotAllHadAreLetGo(t *testing.T) {
	var l locks
	release, err := l.acquire(t.Context(), "b")
	require.NoError(t, err)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = l.acquire(short, "a", "b")
	require.ErrorIs(t, err, ErrRetry)
	require.Len(t, l.held, 1)
	release()
	release()
	require.Empty(t, l.held)
}

func TestShardsOfATransactionAreInOneOrder(t *testing.T) {
	for _, in := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0, 1}} {
		var x Transaction
		for _, shard := range in {
			x.Changes = append(x.Changes, Change{Account: accountOf(shard)})
		}
		order, changes := x.split(shards)
		require.Equal(t, []int{0, 1, 2}, order)
		require.Len(t, changes, 3)
	}
}
