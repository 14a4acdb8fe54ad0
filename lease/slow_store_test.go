package lease

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// sluggish is a store that takes its time and is not interrupted in it, as FileStore is not once it has the lock.
type sluggish struct {
	MemoryStore
	takes atomic.Int64
	swaps atomic.Int32
}

func (s *sluggish) CompareAndSwap(_ context.Context, name string, version uint64, next Record) (uint64, error) {
	time.Sleep(time.Duration(s.takes.Load()))
	s.swaps.Add(1)
	return s.MemoryStore.CompareAndSwap(context.Background(), name, version, next)
}

func inSluggishBubble(t *testing.T, test func(t *testing.T, store *sluggish, clock *bubbleClock, c *Candidate)) {
	synctest.Test(t, func(t *testing.T) {
		store, clock := new(sluggish), new(bubbleClock)
		c, err := NewCandidate(clock, store, "job", time.Second)
		require.NoError(t, err)
		test(t, store, clock, c)
	})
}

// A lease that had expired before the store confirmed it is none, and asking for it again and again uses up tokens.
func TestALeaseThatIsConfirmedAfterItsExpiryIsNotHad(t *testing.T) {
	inSluggishBubble(t, func(t *testing.T, store *sluggish, _ *bubbleClock, c *Candidate) {
		store.takes.Store(int64(2 * time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := c.TryAcquire(ctx)
		require.ErrorIs(t, err, ErrExpired)
		require.ErrorContains(t, err, "takes longer than the TTL of 1s")
		require.NoError(t, ctx.Err())
		require.EqualValues(t, 1, store.swaps.Load())

		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err = c.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "takes longer than the TTL of 1s")
		store.takes.Store(0)
		acquire(t, c)
	})
}

func TestARenewalThatIsConfirmedAfterTheExpiryIsNoSuccess(t *testing.T) {
	inSluggishBubble(t, func(t *testing.T, store *sluggish, _ *bubbleClock, c *Candidate) {
		l := acquire(t, c)
		time.Sleep(100 * time.Millisecond)
		store.takes.Store(int64(2 * time.Second))
		require.ErrorIs(t, l.Renew(t.Context()), ErrExpired)
		require.ErrorIs(t, l.Check(), ErrExpired)
	})
}

func TestReleaseTellsAStoreThatHangsFromWorkThatRuns(t *testing.T) {
	inSluggishBubble(t, func(t *testing.T, store *sluggish, _ *bubbleClock, c *Candidate) {
		l := acquire(t, c)
		store.takes.Store(int64(time.Hour))
		time.Sleep(500 * time.Millisecond) // a renewal is in the store
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorContains(t, l.Release(ctx), "the store has not returned from a renewal")
	})
}

func TestAContextNoticesTheClockWithinHalfOfASmallMargin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := new(bubbleClock)
		c, err := NewCandidate(clock, new(MemoryStore), "job", 10*time.Second, WithMargin(10*time.Millisecond))
		require.NoError(t, err)
		l := acquire(t, c)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		synctest.Wait() // it has looked, and sleeps
		clock.refuse(truetime.ErrNotSynchronized)
		time.Sleep(5*time.Millisecond + 1)
		synctest.Wait()
		require.Error(t, ctx.Err())
	})
}
