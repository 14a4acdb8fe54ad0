package commitwait_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// clock answers with true time, which is the time of the test's bubble, ± ε. If it has a moment of
// change it becomes another clock then.
type clock struct {
	epsilon time.Duration
	err     error
	change  time.Time
	then    *clock
}

func (c *clock) Now() (truetime.Interval, error) {
	if c.then != nil && !time.Now().Before(c.change) {
		return c.then.Now()
	}
	if c.err != nil {
		return truetime.Interval{}, c.err
	}
	now := truth()
	return truetime.Interval{Earliest: now.Add(-c.epsilon), Latest: now.Add(c.epsilon)}, nil
}

func truth() truetime.Time { return truetime.FromStd(time.Now()) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		c := &clock{epsilon: time.Millisecond, change: time.Now().Add(time.Millisecond), then: &clock{epsilon: 10 * time.Millisecond}}
		commit := truth().Add(c.epsilon)
		require.NoError(t, commitwait.Until(t.Context(), c, commit))
		require.Greater(t, truth(), commit.Add(10*time.Millisecond))
	})
}

func TestUntilEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, far := range []truetime.Time{truth().Add(time.Hour), math.MaxInt64} {
			begun := time.Now()
			err := commitwait.Until(ctx, &clock{}, far)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "may not have passed")
			require.LessOrEqual(t, time.Since(begun), time.Second)
		}
		require.ErrorIs(t, commitwait.Until(ctx, &clock{}, truth().Add(-time.Hour)), context.DeadlineExceeded, "nothing is promised on an ended context")
	})
}

func TestUntilReturnsTheErrorOfTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Millisecond, change: time.Now().Add(time.Second), then: &clock{err: truetime.ErrClosed}}
		begun := time.Now()
		err := commitwait.Until(t.Context(), c, truth().Add(time.Hour))
		require.LessOrEqual(t, time.Since(begun), 1100*time.Millisecond, "soon, and not in an hour")
		require.ErrorIs(t, err, truetime.ErrClosed)
		require.ErrorContains(t, err, "may not have passed")
	})
}

func TestUntilRefusesTheZeroTime(t *testing.T) {
	require.ErrorIs(t, commitwait.Until(t.Context(), &clock{}, 0), commitwait.ErrNoTimestamp)
}
