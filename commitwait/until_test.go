package commitwait_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

func TestUntilReturnsWhenTheTimestampHasCertainlyPassedAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: 3 * time.Millisecond}
		now, err := c.Now()
		require.NoError(t, err)
		begun := time.Now()
		require.NoError(t, commitwait.Until(t.Context(), c, now.Latest))
		require.Equal(t, 6*time.Millisecond+1, time.Since(begun), "2ε, and strictly after")
		now, err = c.Now()
		require.NoError(t, err)
		require.True(t, now.After(truetime.FromStd(begun).Add(c.epsilon)))
	})
}

func TestUntilReturnsAtOnceForThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		require.NoError(t, commitwait.Until(t.Context(), &clock{epsilon: time.Millisecond}, truth().Add(-2*time.Millisecond)))
		require.Equal(t, begun, time.Now())
	})
}

// Earliest falls behind when the interval widens: the first estimate of the wait was too short.
func TestUntilWaitsLongerWhenTheIntervalWidens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Millisecond}
		time.AfterFunc(time.Millisecond, func() { c.change(func() { c.epsilon = 10 * time.Millisecond }) })
		commit := truth().Add(c.epsilon)
		require.NoError(t, commitwait.Until(t.Context(), c, commit))
		require.Equal(t, commit.Add(10*time.Millisecond+1), truth())
	})
}

func TestUntilEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		err := commitwait.Until(ctx, &clock{}, truth().Add(time.Hour))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, commitwait.ErrNotPassed)
		require.ErrorContains(t, err, "may not have passed")
		require.Equal(t, time.Second, time.Since(begun))
		require.ErrorIs(t, commitwait.Until(ctx, &clock{}, truth().Add(-time.Hour)), context.DeadlineExceeded, "nothing is promised on an ended context")
	})
}

func TestUntilReturnsTheErrorOfAClockThatIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Millisecond}
		time.AfterFunc(time.Second, func() { c.change(func() { c.err = truetime.ErrClosed }) })
		begun := time.Now()
		for range 2 { // closed meanwhile, and closed before
			err := commitwait.Until(t.Context(), c, truth().Add(time.Minute))
			require.LessOrEqual(t, time.Since(begun), 1100*time.Millisecond, "soon, and not in a minute")
			require.ErrorIs(t, err, truetime.ErrClosed)
			require.ErrorIs(t, err, commitwait.ErrNotPassed)
		}
	})
}

func TestWaitBeyondTheLimitIsRefusedAtOnceWithTheEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Millisecond}
		begun := time.Now()
		for _, far := range []truetime.Time{truth().Add(time.Hour), math.MaxInt64} {
			err := commitwait.Until(t.Context(), c, far)
			require.ErrorIs(t, err, commitwait.ErrWaitTooLong)
			require.ErrorIs(t, err, commitwait.ErrNotPassed)
			require.ErrorContains(t, err, (far.Sub(truth()) + c.epsilon).String())
			require.ErrorContains(t, err, commitwait.DefaultMaxWait.String())
		}
		w := newWaiter(t, c, commitwait.WithMaxWait(10*time.Millisecond))
		require.ErrorIs(t, w.Until(t.Context(), truth().Add(9*time.Millisecond+1)), commitwait.ErrWaitTooLong)
		require.Equal(t, begun, time.Now())
		require.NoError(t, w.Until(t.Context(), truth().Add(9*time.Millisecond)))
	})
}

func TestBadInputIsRefusedAtOnceByName(t *testing.T) {
	c := &clock{}
	work := func(context.Context, truetime.Time) error { return nil }
	require.ErrorContains(t, commitwait.Until(t.Context(), c, 0), "zero")
	require.ErrorIs(t, commitwait.Until(t.Context(), c, 0), commitwait.ErrNotPassed)
	for _, unit := range []truetime.Time{1e9, 1e6, 1e3} {
		require.ErrorContains(t, commitwait.Until(t.Context(), c, truth()/unit), "nanoseconds", "a time of 1970 has passed long ago")
	}
	require.ErrorContains(t, commitwait.Until(t.Context(), nil, truth()), "the clock is nil")
	_, err := commitwait.Do(t.Context(), (*truetime.Clock)(nil), work)
	require.ErrorContains(t, err, "the clock is nil")
	require.ErrorIs(t, err, commitwait.ErrNotBegun)
	_, err = commitwait.Do(t.Context(), c, nil)
	require.ErrorIs(t, err, commitwait.ErrNoWork)
	require.ErrorIs(t, err, commitwait.ErrNotBegun)

	var unmade commitwait.Waiter
	require.ErrorIs(t, unmade.Until(t.Context(), truth()), commitwait.ErrUnmade)
	_, err = unmade.Do(t.Context(), work)
	require.ErrorIs(t, err, commitwait.ErrUnmade)
	require.NoError(t, unmade.Close())

	_, err = commitwait.NewWaiter(nil, nil, commitwait.WithSpin(-1), commitwait.WithSpin(time.Second), commitwait.WithMaxWait(0))
	for _, mistake := range []string{"the clock is nil", "option is nil", "spin of -1ns", "spin of 1s", "longest wait of 0s"} {
		require.ErrorContains(t, err, mistake, "all mistakes at once")
	}
}

func newWaiter(t *testing.T, c truetime.Reader, options ...commitwait.WaiterOption) *commitwait.Waiter {
	t.Helper()
	w, err := commitwait.NewWaiter(c, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}
