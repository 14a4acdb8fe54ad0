package truetimetest_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestAFollowingClockHasTimeNowInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, offset := range []time.Duration{-time.Millisecond, 0, time.Millisecond} {
			clock := truetimetest.NewFollowing(offset, time.Millisecond)
			before, err := clock.Now()
			require.NoError(t, err)
			require.True(t, before.Contains(truetime.FromStd(time.Now())))
			require.Equal(t, time.Millisecond, before.Uncertainty())
			time.Sleep(time.Hour)
			after, err := clock.Now()
			require.NoError(t, err)
			require.Equal(t, time.Hour, after.Earliest.Sub(before.Earliest))
		}
	})
	require.Panics(t, func() { truetimetest.NewFollowing(0, -1) })
	require.Panics(t, func() { truetimetest.NewFollowing(time.Millisecond+1, time.Millisecond) })
}

// What stands on a clock needs no time in a bubble, and all of it ends with it: a goroutine, or a wait on a descriptor, that the bubble
// does not know of would keep it from going on or from ending.
func TestWhatStandsOnAClockLivesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early, late := truetimetest.NewFollowing(-5*time.Millisecond, 5*time.Millisecond), truetimetest.NewFollowing(5*time.Millisecond, 5*time.Millisecond)
		waiter, err := commitwait.NewWaiter(late)
		require.NoError(t, err)
		defer waiter.Close()
		start := time.Now()
		committed, err := waiter.Do(t.Context(), func(context.Context, truetime.Time) error { return nil })
		require.NoError(t, err)
		waited := time.Since(start)
		require.GreaterOrEqual(t, waited, 10*time.Millisecond, "2ε")
		require.Less(t, waited, 12*time.Millisecond)
		now, err := early.Now()
		require.NoError(t, err)
		require.True(t, now.Latest.After(committed), "whatever begins after a commit gets a later timestamp, on every machine")

		store := &lease.MemoryStore{}
		first, err := lease.NewCandidate(early, store, "leader", 10*time.Second, lease.WithHolder("a"))
		require.NoError(t, err)
		second, err := lease.NewCandidate(late, store, "leader", 10*time.Second, lease.WithHolder("b"))
		require.NoError(t, err)
		held, err := first.Acquire(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Hour) // it is renewed all the time
		require.NoError(t, held.Check())
		synctest.Wait()
		require.NoError(t, held.Close()) // as a process that dies: nothing is given back
		start = time.Now()
		next, err := second.Acquire(t.Context())
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(start), 5*time.Second)
		require.Greater(t, next.Token(), held.Token())
		require.NoError(t, next.Release(t.Context()))

		clock, err := hlc.New(early)
		require.NoError(t, err)
		other, err := hlc.New(late)
		require.NoError(t, err)
		stamp, err := other.Now()
		require.NoError(t, err)
		received, err := clock.Update(stamp, "other")
		require.NoError(t, err)
		require.True(t, received.After(stamp))
	})
}

func ExampleNewFollowing() {
	clock := truetimetest.NewFollowing(0, 2*time.Millisecond)
	now, err := clock.Now()
	if err != nil {
		panic(err)
	}
	fmt.Println(now.Uncertainty())
	// Output: 2ms
}
