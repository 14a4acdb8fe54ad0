package lease

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errNetwork = errors.New("network")

const (
	ttl     = 10 * time.Second
	epsilon = 5 * time.Millisecond
)

func TestALeaseIsRenewedInTheBackgroundAndExcludesOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		for range 100 {
			time.Sleep(time.Second)
			require.NoError(t, l.Check())
			require.NoError(t, ctx.Err())
			_, err := s.b.TryAcquire(t.Context())
			require.ErrorIs(t, err, ErrTaken)
		}
		require.Equal(t, Held, l.Status().State)
		require.Equal(t, Token(1), l.Token())
		// A hundred seconds with a renewal after 2.67 s to 3.33 s.
		require.GreaterOrEqual(t, s.store.swaps.Load(), int32(30))
		require.LessOrEqual(t, s.store.swaps.Load(), int32(39))
	})
}

func TestAHolderThatHasGoneIsSucceededAfterTheExpiryAndNotBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		begun := time.Now()
		l := acquire(t, s.a)
		require.NoError(t, l.Close())
		require.ErrorIs(t, l.Check(), ErrClosed)
		next := acquire(t, s.b)
		require.Equal(t, Token(2), next.Token())
		// The record expires at −ε + ttl, and Earliest has to be after it.
		require.Equal(t, ttl+1, time.Since(begun), "ttl − ε + ε, and strictly after")
	})
}

func TestAContextEndsWhileTheLeaseIsStillHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.store.before.Store(1 << 20) // no renewal succeeds any more
		begun := time.Now()
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), ErrExpiring)
		require.NoError(t, l.Check(), "still held")
		require.Equal(t, ttl-2*epsilon-ttl/8, time.Since(begun), "the margin before Latest reaches the expiry")
		late, cancel := l.Context(t.Context())
		defer cancel()
		require.ErrorIs(t, context.Cause(late), ErrExpiring, "it has ended from the beginning")
		err := l.Do(t.Context(), func(context.Context, Token) error { t.Error("work was begun in the margin"); return nil })
		require.ErrorIs(t, err, ErrExpiring)

		status := l.Status()
		require.Positive(t, status.Failures)
		require.ErrorIs(t, status.Failure, errNetwork)
		time.Sleep(ttl)
		require.ErrorIs(t, l.Check(), ErrExpired)
		require.Equal(t, Expired, l.Status().State)
		require.ErrorIs(t, l.Status().Ended, ErrExpired, "noticed in the background")
	})
}

func TestDoTellsThatWorkOutlivedTheLease(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.store.before.Store(1 << 20)
		mine := errors.New("mine")
		err := l.Do(t.Context(), func(_ context.Context, token Token) error {
			require.Equal(t, Token(1), token)
			time.Sleep(ttl) // and does not look at its context
			return mine
		})
		require.ErrorIs(t, err, mine)
		require.ErrorIs(t, err, ErrUncertain, "ttl after the request: past the expiry for some clocks")
		require.NotContains(t, err.Error(), "\n")
		s.store.before.Store(0)
		require.NoError(t, acquire(t, s.b).Do(t.Context(), func(context.Context, Token) error { return nil }))
	})
}

func TestALostReplyIsDecidedByTheRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		s.store.after.Store(1)
		l := acquire(t, s.a)
		require.Equal(t, Token(1), l.Token(), "taken by the request whose reply was lost, and not again")
		require.Equal(t, int32(1), s.store.swaps.Load())

		before := l.Status().Expiry
		time.Sleep(time.Second)
		s.store.after.Store(1)
		require.ErrorIs(t, l.Renew(t.Context()), errNetwork)
		require.Equal(t, before, l.Status().Expiry, "what was not confirmed is not believed")
		time.Sleep(time.Millisecond)
		require.NoError(t, l.Renew(t.Context()))
		require.Greater(t, l.Status().Expiry, before)
		require.NoError(t, l.Status().Failure)

		s.store.after.Store(1)
		require.NoError(t, l.Release(t.Context()))
		require.Equal(t, int32(4), s.store.swaps.Load(), "one to take, two renewals, one to release")
	})
}

func TestAClockThatRefusesMakesTheLeaseFailClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		time.Sleep(time.Second)
		s.clock.refuse(truetime.ErrNotSynchronized)
		refused := time.Now()
		for _, err := range []error{l.Check(), l.Renew(t.Context()), l.Do(t.Context(), nil)} {
			require.ErrorIs(t, err, ErrClock)
			require.ErrorIs(t, err, truetime.ErrNotSynchronized)
		}
		_, err := l.Timestamp()
		require.ErrorIs(t, err, ErrClock)
		require.Equal(t, Uncertain, l.Status().State)
		_, err = s.b.TryAcquire(t.Context())
		require.ErrorIs(t, err, ErrClock)
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), ErrClock)
		require.LessOrEqual(t, time.Since(refused), ttl/16, "noticed within half a margin")

		s.clock.refuse(nil)
		require.NoError(t, l.Check(), "the record has kept running")
		s.clock.epsilon.Store(int64(ttl/8 + 1))
		require.ErrorIs(t, l.Check(), ErrClock, "wider than MaxUncertainty")
		s.clock.epsilon.Store(-1)
		require.ErrorIs(t, l.Check(), ErrClock, "upside down")
		s.clock.epsilon.Store(int64(epsilon))
		require.NoError(t, l.Check())
		_, err = l.Timestamp()
		require.NoError(t, err)
		s.clock.refuse(truetime.ErrClosed)
		require.ErrorIs(t, l.Release(t.Context()), truetime.ErrClosed)
	})
}

func TestARevokedHolderFindsOutAtItsNextRenewal(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		seen, err := s.store.MemoryStore.Load(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, Revoke(t.Context(), s.store, "job", seen))
		require.ErrorIs(t, Revoke(t.Context(), s.store, "job", seen), ErrConflict)
		next := acquire(t, s.b)
		require.Equal(t, Token(2), next.Token())
		err = l.Do(t.Context(), func(context.Context, Token) error { time.Sleep(ttl / 3); return nil })
		require.ErrorIs(t, err, ErrLost)
		require.ErrorIs(t, l.Check(), ErrLost)
		require.NoError(t, next.Check())
	})
}

func TestNothingRunsAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.store.hangs.Store(1 << 20) // a renewal is stuck in the store
		time.Sleep(ttl / 2)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
		require.ErrorIs(t, context.Cause(ctx), ErrClosed)
		goleak.VerifyNone(t, goleak.IgnoreCurrent())
	})
}
