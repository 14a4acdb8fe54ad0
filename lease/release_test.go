package lease

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReleaseWaitsForTheLargestTimestampAndFreesTheRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		first, err := l.Timestamp()
		require.NoError(t, err)
		second, err := l.Timestamp()
		require.NoError(t, err)
		require.Equal(t, truth().Add(epsilon), first, "Latest")
		require.Equal(t, first.Add(1), second)
		require.Equal(t, second, l.Status().Issued)

		begun := time.Now()
		require.NoError(t, l.Release(t.Context()))
		require.Equal(t, 2*epsilon+2, time.Since(begun), "until Earliest is after Latest + 1 ns")
		require.ErrorIs(t, context.Cause(ctx), ErrReleased)
		require.ErrorIs(t, l.Check(), ErrReleased)
		require.ErrorIs(t, l.Renew(t.Context()), ErrReleased)
		_, err = l.Timestamp()
		require.ErrorIs(t, err, ErrReleased)
		require.NoError(t, l.Release(t.Context()), "again")

		next, err := s.b.TryAcquire(t.Context())
		require.NoError(t, err)
		defer next.Close()
		require.Equal(t, Token(2), next.Token())
		third, err := next.Timestamp()
		require.NoError(t, err)
		require.Greater(t, third, second)
		require.NoError(t, l.Release(t.Context()))
		require.NoError(t, next.Check(), "the former holder gives up nothing of its successor's")
	})
}

// A reader was told that nothing will be committed at or before the floor, so the next holder must
// not.
func TestReleaseWaitsForTheFloorAsForATimestamp(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		first, err := l.Timestamp()
		require.NoError(t, err)
		floor := truth().Add(3 * time.Second)
		require.NoError(t, l.Raise(floor))
		require.Equal(t, floor, l.Status().Issued)
		require.NoError(t, l.Raise(first), "lower: it changes nothing")
		require.Equal(t, floor, l.Status().Issued)

		require.NoError(t, l.Release(t.Context()))
		require.True(t, truth().Add(-epsilon).After(floor), "given up before %v had passed", floor)
		require.ErrorIs(t, l.Raise(floor), ErrReleased)
		next, err := s.b.TryAcquire(t.Context())
		require.NoError(t, err)
		defer next.Close()
		ts, err := next.Timestamp()
		require.NoError(t, err)
		require.Greater(t, ts, floor)
	})
}

func TestReleaseWaitsForRunningWork(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		result := make(chan error)
		go func() {
			result <- l.Do(t.Context(), func(ctx context.Context, _ Token) error {
				<-ctx.Done()
				time.Sleep(time.Second) // to clean up
				return context.Cause(ctx)
			})
		}()
		synctest.Wait()
		begun := time.Now()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		require.ErrorIs(t, l.Release(impatient), context.DeadlineExceeded)
		_, err := s.b.TryAcquire(t.Context())
		require.ErrorIs(t, err, ErrTaken, "not given up while work is running")
		done := make(chan error)
		go func() { done <- l.Release(t.Context()) }()
		err = <-result
		require.ErrorIs(t, err, ErrReleased, "the cause that work returned")
		require.NotErrorIs(t, err, ErrExpired)
		require.NoError(t, <-done)
		require.Equal(t, time.Second, time.Since(begun))
		require.ErrorIs(t, l.Do(t.Context(), nil), ErrReleased)
	})
}

func TestReleaseWithoutAStoreTellsBothCausesOnOneLine(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.store.before.Store(1 << 20)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := l.Release(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errNetwork)
		require.Regexp(t, `^lease "[^"]+" not given up, it expires at \S+: context deadline exceeded; the last trouble: lease: .*$`, err.Error())
		require.NotContains(t, err.Error(), "\n")
	})
}
