package hlc_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

func open(t *testing.T, source truetime.Reader, store hlc.Store, options ...hlc.OpenOption) *hlc.Clock {
	t.Helper()
	clock, err := hlc.Open(t.Context(), source, store, options...)
	require.NoError(t, err)
	t.Cleanup(func() { clock.Close() })
	return clock
}

func TestAfterACrashOpenWaitsForWhatIsLeftOfTheReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := bubble{time.Millisecond}, &memoryStore{}
		begun := time.Now()
		clock := open(t, source, store, hlc.WithReserve(3*time.Second))
		require.Equal(t, begun, time.Now(), "a first start does not wait")
		last := now(t, clock)
		after := store.crashed()

		time.Sleep(time.Second)
		begun = time.Now()
		again := open(t, source, after, hlc.WithReserve(3*time.Second))
		require.Equal(t, 2*time.Second+1, time.Since(begun))
		require.Greater(t, now(t, again), last)
		after = after.crashed()

		time.Sleep(4 * time.Second)
		begun = time.Now()
		open(t, source, after)
		require.Equal(t, begun, time.Now(), "the reserve has passed already")
	})
}

func TestAfterACloseOpenDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := bubble{time.Millisecond}, &memoryStore{}
		clock := open(t, source, store)
		last := now(t, clock)
		require.NoError(t, clock.Close())
		bound, _ := store.saved()
		require.Equal(t, last, bound)

		begun := time.Now()
		again := open(t, source, store)
		require.LessOrEqual(t, time.Since(begun), time.Nanosecond, "the same instant would be the same timestamp")
		require.Greater(t, now(t, again), last)
	})
}

func TestOpenWaitsForTheIntervalClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &manual{err: truetime.ErrNotSynchronized}
		time.AfterFunc(time.Second, func() { source.set(start, start) })
		begun := time.Now()
		open(t, source, &memoryStore{})
		require.Equal(t, time.Second, time.Since(begun).Round(100*time.Millisecond))
	})
}

func TestOpenSaysWhatItWaitedForWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := hlc.Open(ctx, &manual{err: truetime.ErrNotSynchronized}, &memoryStore{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, truetime.ErrNotSynchronized)

		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		bound := hlc.Timestamp(truetime.FromStd(time.Now().Add(8 * time.Hour)))
		store := &memoryStore{bound: bound}
		_, err = hlc.Open(ctx, bubble{0}, store)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "7h59m")
		kept, saves := store.saved()
		require.Equal(t, bound, kept)
		require.Zero(t, saves, "what cannot start does not touch the bound")

		_, err = hlc.Open(t.Context(), &manual{err: truetime.ErrClosed}, &memoryStore{})
		require.ErrorIs(t, err, truetime.ErrClosed, "which nothing will change")
	})
}

func TestOpenReportsWhatTheStoreCannotDo(t *testing.T) {
	broken := errors.New("input/output error")
	_, err := hlc.Open(t.Context(), at(start, 0), &memoryStore{fail: broken})
	require.ErrorIs(t, err, broken)
	_, err = hlc.Open(t.Context(), at(start, 0), &memoryStore{bound: -5})
	require.ErrorIs(t, err, hlc.ErrCorrupt)
}

// The store is as slow as a third of the reserve, and no call ever notices, nor after a quiet hour.
func TestNobodyWaitsForTheStoreInNormalRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		clock := open(t, bubble{time.Millisecond}, store)
		slow := make(chan struct{})
		store.set(nil, slow)
		for range 100 {
			time.Sleep(200 * time.Millisecond)
			begun := time.Now()
			timestamp := now(t, clock)
			require.Equal(t, begun, time.Now())
			bound, _ := store.saved()
			require.LessOrEqual(t, timestamp, bound, "nothing beyond what is durable")
			close(slow)
			slow = make(chan struct{})
			store.set(nil, slow)
		}
		close(slow)
		store.set(nil, nil)
		time.Sleep(time.Hour)
		now(t, clock)
		_, saves := store.saved()
		require.InDelta(t, 3600+20, saves, 40, "about one a second")
	})
}

func TestAStoreThatFailsOrStallsStopsTimestampsAtTheBound(t *testing.T) {
	broken := errors.New("no space left on device")
	for name, trouble := range map[string]struct {
		fail  error
		stall chan struct{}
	}{
		"fails": {fail: broken}, "stalls": {stall: make(chan struct{})},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if trouble.stall != nil {
					trouble.stall = make(chan struct{}) // of the bubble
				}
				store := &memoryStore{}
				clock := open(t, bubble{0}, store, hlc.WithReserve(3*time.Second))
				bound, _ := store.saved()
				store.set(trouble.fail, trouble.stall)

				time.Sleep(2900 * time.Millisecond)
				require.LessOrEqual(t, now(t, clock), bound)
				time.Sleep(200 * time.Millisecond)
				last := clock.Last()
				for range 3 {
					_, err := clock.Now()
					require.ErrorIs(t, err, hlc.ErrNotDurable)
					if trouble.fail != nil {
						require.ErrorIs(t, err, broken)
					}
					require.ErrorIs(t, clock.Observe(bound+1, "row"), hlc.ErrNotDurable)
					_, err = clock.Update(bound+1, "peer")
					require.ErrorIs(t, err, hlc.ErrNotDurable)
					require.Equal(t, last, clock.Last())
				}
				for range 500 {
					_, err := clock.Now()
					require.ErrorIs(t, err, hlc.ErrNotDurable)
					time.Sleep(time.Millisecond)
				}
				kept, saves := store.saved()
				require.Equal(t, bound, kept)
				require.LessOrEqual(t, saves, 40, "callers do not make it worse")

				store.set(nil, nil)
				if trouble.stall != nil {
					close(trouble.stall)
				}
				time.Sleep(200 * time.Millisecond)
				require.Greater(t, now(t, clock), bound)
				require.NoError(t, clock.Close())
			})
		})
	}
}

// Were it lowered, a call in between could have issued a timestamp above it.
func TestTheBoundIsNotLoweredWhenTheIntervalGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := at(start, 0), &memoryStore{}
		open(t, source, store)
		bound, _ := store.saved()
		source.set(start-1_000_000_000, start-1_000_000_000)
		time.Sleep(10 * time.Second)
		kept, _ := store.saved()
		require.Equal(t, bound, kept)
	})
}

// Nor is it by a life in which nothing was issued, or by an interval that goes back after the
// start.
func TestALifeWithoutTimestampsKeepsTheBound(t *testing.T) {
	source, store := at(start, 0), &memoryStore{bound: hlc.Timestamp(start) - 5}
	clock := open(t, source, store)
	source.set(start-100, start-100)
	require.NoError(t, clock.Close())
	kept, _ := store.saved()
	require.Equal(t, start-5, kept.Time())

	source.set(start, start)
	clock = open(t, source, store)
	source.set(start-100, start-100)
	require.Equal(t, start-4, now(t, clock).Time())
}

func TestAPeerThatPushesPastTheReserveIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := open(t, at(start, 0), &memoryStore{}, hlc.WithReserve(10*time.Millisecond))
		for want := start + 10_000_000; want < start.Add(400*time.Millisecond); want += 10_000_000 {
			got, err := clock.Update(hlc.Timestamp(want)-1, "peer")
			if errors.Is(err, hlc.ErrNotDurable) {
				synctest.Wait()
				got, err = clock.Update(hlc.Timestamp(want)-1, "peer")
			}
			require.NoError(t, err)
			require.Equal(t, want, got.Time())
		}
	})
}

// A jump past the bound is refused once, and asks for a new bound at once.
func TestAJumpPastTheBoundAsksForTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := at(start, 0)
		clock := open(t, source, &memoryStore{})
		source.set(start.Add(time.Hour), start.Add(time.Hour))
		_, err := clock.Now()
		require.ErrorIs(t, err, hlc.ErrNotDurable)
		synctest.Wait() // no time passes
		require.Equal(t, start.Add(time.Hour), now(t, clock).Time())
	})
}

func TestCloseReportsABoundThatWasNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		clock := open(t, bubble{0}, store)
		stall := make(chan struct{})
		store.set(nil, stall)
		time.Sleep(2 * time.Second) // a Save is under way
		err := clock.Close()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, err, clock.Close())
		_, err = clock.Now()
		require.ErrorIs(t, err, hlc.ErrClosed)
	})
}

// No goroutine outlives Close, even if the disk hangs: then Close waits for it.
func TestCloseWaitsForASaveThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{deaf: true}
		clock := open(t, bubble{0}, store)
		last := now(t, clock)
		stall := make(chan struct{})
		store.set(nil, stall)
		time.Sleep(2 * time.Second)
		store.set(nil, nil)
		var closed atomic.Bool
		go func() {
			if err := clock.Close(); err != nil {
				t.Error(err)
			}
			closed.Store(true)
		}()
		time.Sleep(time.Minute)
		require.False(t, closed.Load())
		close(stall)
		synctest.Wait()
		require.True(t, closed.Load())
		bound, _ := store.saved()
		require.Equal(t, last, bound)
	})
}

// Close races with callers: whatever they got is not above the bound that Close saved.
func TestNothingIsIssuedAboveTheLastBound(t *testing.T) {
	for range 200 {
		store := &memoryStore{}
		clock, err := hlc.Open(t.Context(), at(start, 0), store)
		require.NoError(t, err)
		var greatest atomic.Int64
		var running sync.WaitGroup
		ready := make(chan struct{})
		running.Go(func() {
			close(ready)
			for {
				timestamp, err := clock.Now()
				if err != nil {
					return
				}
				greatest.Store(int64(timestamp))
			}
		})
		<-ready
		require.NoError(t, clock.Close())
		running.Wait()
		bound, _ := store.saved()
		require.GreaterOrEqual(t, int64(bound), greatest.Load())
	}
}

// Restarts and crashes in a row, at random, with peers that push: no timestamp ever repeats or goes
// back, and the bound does not run away from time.
func TestTimestampsGoOnAcrossRestarts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			store, last := &memoryStore{}, hlc.Timestamp(0)
			for range rapid.IntRange(1, 6).Draw(rt, "lives") {
				clock, err := hlc.Open(t.Context(), bubble{time.Millisecond}, store)
				require.NoError(t, err)
				for range rapid.IntRange(0, 8).Draw(rt, "events") {
					time.Sleep(time.Duration(rapid.IntRange(0, 2_000_000_000).Draw(rt, "pause")))
					timestamp, err := clock.Now()
					if rapid.Bool().Draw(rt, "pushed") {
						push := hlc.Timestamp(rapid.IntRange(0, int(400*time.Millisecond)).Draw(rt, "push"))
						timestamp, err = clock.Update(max(timestamp, oldest)+push, "peer")
						if errors.Is(err, hlc.ErrFromFuture) {
							continue
						}
					}
					require.NoError(t, err)
					require.Greater(t, timestamp, last)
					last = timestamp
				}
				crashed := store.crashed()
				bound, _ := crashed.saved()
				require.Less(t, bound.Time().Sub(truetime.FromStd(time.Now())), 4*time.Second+10*time.Millisecond)
				require.NoError(t, clock.Close())
				if rapid.Bool().Draw(rt, "crash") {
					store = crashed
				}
			}
		})
	})
}

// However small the reserve: the next bound covers what was refused for want of it.
func TestAJumpLongerThanTheReserveIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		clock := open(t, at(start, 0), store, hlc.WithReserve(time.Millisecond))
		far := hlc.Timestamp(start.Add(400 * time.Millisecond))
		_, err := clock.Update(far, "peer")
		require.ErrorIs(t, err, hlc.ErrNotDurable)
		synctest.Wait() // no time passes
		got, err := clock.Update(far, "peer")
		require.NoError(t, err)
		require.Equal(t, far+1, got)
	})
}
