package hlc_test

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

// lowBits are those in which the timestamps of n shards differ.
func lowBits(n int) hlc.Timestamp { return 1<<bits.Len(uint(n-1)) - 1 }

func newShards(t require.TestingT, source truetime.Reader, n int, options ...hlc.Option) []*hlc.Clock {
	shards, err := hlc.NewShards(source, n, options...)
	require.NoError(t, err)
	return shards
}

// Whatever shards do, send each other and read: no timestamp is issued twice, each has the number of
// its shard, is after all that it must be after, not before physical time, and no further ahead than
// is allowed.
func TestTimestampsOfShardsNeverCollideAndKeepTheOrderOfMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 70).Draw(t, "shards")
		maxAhead := time.Duration(rapid.IntRange(128, 2000).Draw(t, "max ahead"))
		source, at := &manual{}, start
		source.set(at, at)
		shards := newShards(t, source, n, hlc.WithMaxAhead(maxAhead))
		issued, last := map[hlc.Timestamp]int{}, make([]hlc.Timestamp, n)
		for range rapid.IntRange(1, 300).Draw(t, "events") {
			shard := rapid.IntRange(0, n-1).Draw(t, "shard")
			clock, after := shards[shard], last[shard]
			var got hlc.Timestamp
			var err error
			remote := last[rapid.IntRange(0, n-1).Draw(t, "from")]
			switch what := rapid.SampledFrom([]string{"time", "now", "update", "observe"}).Draw(t, "what"); {
			case what == "time": // forth and back
				at = at.Add(time.Duration(rapid.IntRange(-200, 400).Draw(t, "ns")))
				source.set(at, at)
				continue
			case what == "update" && remote > 0:
				got, err = clock.Update(remote, "a shard")
				after = max(after, remote)
			case what == "observe" && remote > 0:
				if err = clock.Observe(remote, "a shard"); err == nil {
					got, err = clock.Now()
				}
				after = max(after, remote)
			default:
				got, err = clock.Now()
			}
			if err != nil {
				late := errors.Is(err, hlc.ErrFromFuture) && remote.Time() > at.Add(maxAhead/2)
				full := errors.Is(err, hlc.ErrTooFarAhead) && max(after, clock.Last())+lowBits(n)+1 > hlc.Timestamp(at.Add(maxAhead))
				require.True(t, late || full, "%v", err)
				continue
			}
			require.Zero(t, issued[got], "%d: by shard %d and by shard %d", got, issued[got]-1, shard)
			require.Equal(t, hlc.Timestamp(shard), got&lowBits(n), "the low bits of %d", got)
			require.Greater(t, got, after)
			require.GreaterOrEqual(t, got, hlc.Timestamp(at))
			require.LessOrEqual(t, got, hlc.Timestamp(at.Add(maxAhead)))
			require.LessOrEqual(t, got, max(after+1, clock.Last(), hlc.Timestamp(at))+lowBits(n))
			issued[got], last[shard] = shard+1, got
		}
	})
}

// Goroutines on 6 shards, which send each other what they have issued.
func TestShardsAreUsedByManyGoroutinesAtOnce(t *testing.T) {
	const n, goroutines, calls = 6, 2, 2000
	shards := newShards(t, at(start, 1000), n)
	var issued [n][goroutines][]hlc.Timestamp
	var inboxes [n]chan hlc.Timestamp
	for i := range inboxes {
		inboxes[i] = make(chan hlc.Timestamp, 8)
	}
	var running sync.WaitGroup
	for i, clock := range shards {
		for g := range goroutines {
			running.Go(func() {
				var last hlc.Timestamp
				for call := range calls {
					after := last
					var got hlc.Timestamp
					var err error
					select {
					case remote := <-inboxes[i]:
						after = max(after, remote)
						got, err = clock.Update(remote, "another shard")
					default:
						got, err = clock.Now()
					}
					if err != nil || got <= after {
						t.Errorf("shard %d: %d after %d, error %v", i, got, after, err)
						return
					}
					last = got
					issued[i][g] = append(issued[i][g], got)
					select {
					case inboxes[call%n] <- got:
					default:
					}
				}
			})
		}
	}
	running.Wait()
	seen := map[hlc.Timestamp]bool{}
	for i := range issued {
		for _, timestamps := range issued[i] {
			for _, timestamp := range timestamps {
				require.False(t, seen[timestamp], "%d was issued twice", timestamp)
				seen[timestamp] = true
			}
		}
	}
}

// A shard has one number in as many as there are shards. When it uses them up faster than time goes,
// it runs ahead, is refused before it is further ahead than it may be, and goes on when it is told.
func TestAShardThatRunsAheadIsRefusedAtTheLimit(t *testing.T) {
	const n, maxAhead = 5, 100 // so the numbers of a shard are 8 apart
	source := at(start, 0)
	clock := newShards(t, source, n, hlc.WithMaxAhead(maxAhead))[3]
	last := now(t, clock)
	require.Equal(t, hlc.Timestamp(start+3), last, "the first with 3 in its low bits")
	var err error
	for {
		var next hlc.Timestamp
		if next, err = clock.Now(); err != nil {
			break
		}
		require.Equal(t, last+8, next)
		last = next
	}
	require.LessOrEqual(t, last, hlc.Timestamp(start+maxAhead))
	require.Greater(t, last, hlc.Timestamp(start+maxAhead-2*8))
	var ahead *hlc.AheadError
	require.ErrorAs(t, err, &ahead)
	source.set(start.Add(ahead.Wait), start.Add(ahead.Wait))
	require.Equal(t, last+8, now(t, clock))
}

// After a crash all shards go on after all that any of them had issued, however many there are then.
func TestAfterACrashShardsGoOnAfterAllOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := bubble{time.Millisecond}, &memoryStore{}
		var last hlc.Timestamp
		for _, n := range []int{4, 1, 64, 3} {
			shards := openShards(t, source, store, n)
			before := last
			for _, clock := range shards {
				got := now(t, clock)
				require.Greater(t, got, before)
				last = max(last, got)
			}
			far := last + hlc.Timestamp(400*time.Millisecond) // one shard has heard of something far ahead
			require.NoError(t, shards[n-1].Observe(far, "a peer"))
			last = now(t, shards[n-1])
			store = store.crashed()
		}
	})
}

func openShards(t *testing.T, source truetime.Reader, store hlc.Store, n int, options ...hlc.OpenOption) []*hlc.Clock {
	t.Helper()
	shards, err := hlc.OpenShards(t.Context(), source, store, n, options...)
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, clock := range shards {
			clock.Close()
		}
	})
	return shards
}

// The store has no more to do for many shards than for one.
func TestShardsShareOneBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var saves [2]int
		for i, n := range []int{1, 64} {
			store := &memoryStore{}
			openShards(t, bubble{time.Millisecond}, store, n)
			time.Sleep(time.Minute)
			synctest.Wait()
			_, saves[i] = store.saved()
		}
		require.Greater(t, saves[0], 50)
		require.Equal(t, saves[0], saves[1])
	})
}

// The interval may go back once the clocks have been opened, and one shard may be ahead of the rest.
func TestNoShardFallsBehindTheBoundAndTheBoundBehindNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := at(start, 0), &memoryStore{bound: hlc.Timestamp(start - 1)}
		shards := openShards(t, source, store, 3, hlc.WithReserve(3*time.Second), hlc.WithMaxAhead(time.Minute))
		source.set(start-1000, start-1000)
		for i, clock := range shards {
			require.Greater(t, now(t, clock), hlc.Timestamp(start-1), "shard %d", i)
		}
		ahead := hlc.Timestamp(start.Add(2 * time.Second))
		require.NoError(t, shards[1].Observe(ahead, "a peer"))
		time.Sleep(time.Second + time.Millisecond) // the first renewal
		synctest.Wait()
		bound, _ := store.saved()
		require.Equal(t, ahead+hlc.Timestamp(3*time.Second), bound)
	})
}

// The bound that is left is the greatest of all shards, whichever is closed last.
func TestTheLastShardToBeClosedSavesTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &manual{}, &memoryStore{}
		source.set(start, start)
		shards := openShards(t, source, store, 3)
		greatest := now(t, shards[2])
		for range 10 {
			greatest = now(t, shards[2])
		}
		reserved, _ := store.saved()
		require.NoError(t, shards[2].Close())
		require.NoError(t, shards[2].Close(), "twice is once")
		now(t, shards[0])
		now(t, shards[1])
		require.NoError(t, shards[0].Close())
		_, err := shards[2].Now()
		require.ErrorIs(t, err, hlc.ErrClosed)
		now(t, shards[1])
		bound, _ := store.saved()
		require.Equal(t, reserved, bound, "one is still in use")

		require.NoError(t, shards[1].Close())
		bound, _ = store.saved()
		require.Equal(t, greatest, bound)
	})
}

// A shard that is not closed never says so, not even of what it could not do.
func TestAShardDoesNotSayThatAnotherIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &manual{err: truetime.ErrNotSynchronized}, &memoryStore{}
		source.set(start, start)
		shards := openShards(t, source, store, 2, hlc.WithReserve(3*time.Second))
		require.NoError(t, shards[0].Close())
		source.answer.Store(nil)
		time.Sleep(10 * time.Second) // the bound cannot be extended
		source.set(start.Add(10*time.Second), start.Add(10*time.Second))
		_, err := shards[1].Now()
		require.ErrorIs(t, err, hlc.ErrNotDurable)
		require.ErrorIs(t, err, truetime.ErrNotSynchronized)
		require.NotErrorIs(t, err, hlc.ErrClosed)
	})
}

func TestShardsThatCannotBeAreRefusedWithAllThatIsWrong(t *testing.T) {
	for _, n := range []int{-1, 0, 1025, math.MaxInt} {
		_, err := hlc.NewShards(nil, n)
		require.ErrorContains(t, err, "shards: from 1 to 1024", n)
		require.ErrorContains(t, err, "the interval clock is nil", n)
	}
	_, err := hlc.NewShards(at(start, 0), 65, hlc.WithMaxAhead(127), hlc.WithTolerance(0))
	require.ErrorContains(t, err, "a shard of 65 may have to skip 127ns")
	newShards(t, at(start, 0), 65, hlc.WithMaxAhead(128), hlc.WithTolerance(0))
	require.Len(t, newShards(t, at(start, 0), 1024), 1024)

	_, err = hlc.OpenShards(context.Background(), at(start, 0), nil, 0)
	require.ErrorContains(t, err, "the store is nil")
	require.ErrorContains(t, err, "0 shards")
}

// At the end of what a timestamp can hold a shard refuses, rather than to begin again at 1677.
func TestAShardDoesNotOverflow(t *testing.T) {
	source := &manual{}
	for _, left := range []truetime.Time{0, 1, 6, 7, 8, 100} {
		source.set(math.MaxInt64-left, math.MaxInt64-left)
		for i, clock := range newShards(t, source, 8) {
			for range 20 {
				got, err := clock.Now()
				if err != nil {
					break
				}
				require.Positive(t, got, "shard %d, %d before the end", i, left)
				require.GreaterOrEqual(t, got, hlc.Timestamp(math.MaxInt64-left))
			}
		}
	}
}
