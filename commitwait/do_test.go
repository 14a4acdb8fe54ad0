package commitwait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// doing is work that takes its time, whatever the context says.
func doing(d time.Duration, err error) func(context.Context, truetime.Time) error {
	return func(context.Context, truetime.Time) error {
		time.Sleep(d)
		return err
	}
}

func TestDoReturnsAfterTheWorkAndTheWaitAndTheyOverlap(t *testing.T) {
	for _, test := range []struct{ work, want time.Duration }{
		{0, 6*time.Millisecond + 1},
		{4 * time.Millisecond, 6*time.Millisecond + 1},
		{20 * time.Millisecond, 20 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &clock{epsilon: 3 * time.Millisecond}
			begun := time.Now()
			var given truetime.Time
			timestamp, err := commitwait.Do(t.Context(), c, func(ctx context.Context, timestamp truetime.Time) error {
				given = timestamp
				return doing(test.work, nil)(ctx, timestamp)
			})
			require.NoError(t, err)
			require.Equal(t, truetime.FromStd(begun).Add(c.epsilon), timestamp, "Latest, before the work")
			require.Equal(t, given, timestamp)
			require.Equal(t, test.want, time.Since(begun))
		})
	}
}

func TestDoReturnsTheErrorOfTheWorkAndWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		begun := time.Now()
		timestamp, err := commitwait.Do(t.Context(), &clock{epsilon: time.Second}, doing(time.Millisecond, broken))
		require.Equal(t, broken, err, "as it is")
		require.Zero(t, timestamp)
		require.Equal(t, time.Millisecond, time.Since(begun))
	})
}

func TestDoThatEndsBeforeTheWorkSaysThatNothingHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		good := &clock{epsilon: time.Second}
		closed, err := commitwait.NewWaiter(good)
		require.NoError(t, err)
		require.NoError(t, closed.Close())

		for name, test := range map[string]struct {
			waiter *commitwait.Waiter
			ctx    context.Context
			want   error
		}{
			"context":       {newWaiter(t, good), ended, context.Canceled},
			"clock":         {newWaiter(t, &clock{err: truetime.ErrNotSynchronized}), t.Context(), truetime.ErrNotSynchronized},
			"closed clock":  {newWaiter(t, &clock{err: truetime.ErrClosed}), t.Context(), truetime.ErrClosed},
			"upset clock":   {newWaiter(t, &clock{upset: true}), t.Context(), commitwait.ErrInvalidInterval},
			"limit":         {newWaiter(t, good, commitwait.WithMaxWait(2*time.Second-1)), t.Context(), commitwait.ErrWaitTooLong},
			"closed waiter": {closed, t.Context(), commitwait.ErrClosed},
		} {
			timestamp, err := test.waiter.Do(test.ctx, func(context.Context, truetime.Time) error {
				t.Error(name, "the work was called")
				return nil
			})
			require.ErrorIs(t, err, commitwait.ErrNotBegun, name)
			require.ErrorIs(t, err, test.want, name)
			require.NotErrorIs(t, err, commitwait.ErrNotPassed, name)
			require.Zero(t, timestamp, name)
		}
	})
}

func TestDoThatEndsAfterTheWorkSaysThatTheTimestampMayLieAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: 3 * time.Second}
		w := newWaiter(t, c)
		for _, work := range []time.Duration{0, 2 * time.Second} { // ended in the wait, and in the work
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			latest := truth().Add(c.epsilon)
			timestamp, err := w.Do(ctx, doing(work, nil))
			cancel()
			require.ErrorIs(t, err, commitwait.ErrNotPassed)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, commitwait.ErrNotBegun)
			require.Equal(t, latest, timestamp, "to go on waiting for")
			require.NoError(t, w.Until(t.Context(), timestamp))
			require.Equal(t, timestamp.Add(c.epsilon+1), truth())
		}
	})
}

// Whoever has done the work and waited long enough has succeeded, though the context ended
// meanwhile.
func TestDoWhoseTimestampHasPassedSucceedsOnAnEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := commitwait.Do(ctx, &clock{epsilon: time.Millisecond}, doing(time.Minute, nil))
		require.NoError(t, err)
	})
}

// The limit is for what has not been promised yet.
func TestDoWaitsBeyondItsLimitOnceTheWorkIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Millisecond}
		w := newWaiter(t, c, commitwait.WithMaxWait(time.Second))
		timestamp, err := w.Do(t.Context(), func(context.Context, truetime.Time) error {
			c.change(func() { c.epsilon = time.Minute })
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, timestamp.Add(time.Minute+1), truth())

		timestamp, err = w.Do(t.Context(), func(context.Context, truetime.Time) error { return nil })
		require.ErrorIs(t, err, commitwait.ErrWaitTooLong)
		require.Zero(t, timestamp)
	})
}

// contradiction is a clock that was an hour ahead in its first answer.
type contradiction struct{ clock }

func (c *contradiction) Now() (truetime.Interval, error) {
	now, err := c.clock.Now()
	if c.reads == 1 {
		now.Earliest, now.Latest = now.Earliest.Add(time.Hour), now.Latest.Add(time.Hour)
	}
	return now, err
}

func TestDoTakesNoTimestampFromAClockThatContradictsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := commitwait.Do(t.Context(), &contradiction{}, func(context.Context, truetime.Time) error {
			t.Error("the work was called")
			return nil
		})
		require.ErrorIs(t, err, commitwait.ErrNotBegun)
		require.ErrorIs(t, err, commitwait.ErrPast)
	})
}
