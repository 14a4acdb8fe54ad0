package commitwait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// giving returns a source of one timestamp.
func giving(timestamp truetime.Time, err error) func() (truetime.Time, error) {
	return func() (truetime.Time, error) { return timestamp, err }
}

func TestDoFromWaitsForTheTimestampOfItsSource(t *testing.T) {
	for _, work := range []time.Duration{0, 300 * time.Millisecond, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := &clock{epsilon: 3 * time.Millisecond}
			w := newWaiter(t, c)
			given, asked := truth().Add(time.Second), 0
			begun := time.Now()
			timestamp, err := w.DoFrom(t.Context(), func() (truetime.Time, error) {
				asked++
				return given, nil
			}, func(ctx context.Context, timestamp truetime.Time) error {
				require.Equal(t, 1, asked, "before the work")
				require.Equal(t, given, timestamp)
				return doing(work, nil)(ctx, timestamp)
			})
			require.NoError(t, err)
			require.Equal(t, given, timestamp)
			require.Equal(t, 1, asked)
			require.True(t, c.answered(timestamp))
			require.Equal(t, max(work, time.Second+c.epsilon+1), time.Since(begun), "the work and the wait overlap")
		})
	}
}

func TestDoFromRefusesWhatNoSourceMayGive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Second}
		w := newWaiter(t, c, commitwait.WithMaxWait(time.Minute))
		refused, earliest := errors.New("refused"), truth().Add(-time.Second)
		for name, test := range map[string]struct {
			next func() (truetime.Time, error)
			want error
		}{
			"nil":      {nil, commitwait.ErrNoSource},
			"error":    {giving(truth().Add(time.Second), refused), refused},
			"zero":     {giving(0, nil), nil},
			"seconds":  {giving(truth()/1e9, nil), nil},
			"past":     {giving(earliest-1, nil), commitwait.ErrPast},
			"negative": {giving(-1, nil), nil},
			"far":      {giving(earliest.Add(time.Minute+1), nil), commitwait.ErrWaitTooLong},
		} {
			timestamp, err := w.DoFrom(t.Context(), test.next, func(context.Context, truetime.Time) error {
				t.Error(name, "the work was called")
				return nil
			})
			require.ErrorIs(t, err, commitwait.ErrNotBegun, name)
			if test.want != nil {
				require.ErrorIs(t, err, test.want, name)
			}
			require.Zero(t, timestamp, name)
		}
		_, err := w.DoFrom(t.Context(), giving(earliest, nil), doing(0, nil))
		require.NoError(t, err, "true time may have been Earliest, and Latest with it")
		_, err = w.DoFrom(t.Context(), giving(earliest, nil), nil)
		require.ErrorIs(t, err, commitwait.ErrNoWork)
	})
}

func TestDoFromUsesUpNoTimestampWhereTheWorkCannotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		closed := newWaiter(t, &clock{epsilon: time.Second})
		require.NoError(t, closed.Close())
		for name, test := range map[string]struct {
			waiter *commitwait.Waiter
			ctx    context.Context
			want   error
		}{
			"context":       {newWaiter(t, &clock{epsilon: time.Second}), ended, context.Canceled},
			"clock":         {newWaiter(t, &clock{err: truetime.ErrNotSynchronized}), t.Context(), truetime.ErrNotSynchronized},
			"upset clock":   {newWaiter(t, &clock{upset: true}), t.Context(), commitwait.ErrInvalidInterval},
			"closed waiter": {closed, t.Context(), commitwait.ErrClosed},
		} {
			_, err := test.waiter.DoFrom(test.ctx, func() (truetime.Time, error) {
				t.Error(name, "the source was asked")
				return truth(), nil
			}, doing(0, nil))
			require.ErrorIs(t, err, commitwait.ErrNotBegun, name)
			require.ErrorIs(t, err, test.want, name)
		}
	})
}

func TestDoFromThatEndsAfterTheWorkSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: 3 * time.Second}
		w := newWaiter(t, c)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		given := truth().Add(c.epsilon)
		timestamp, err := w.DoFrom(ctx, giving(given, nil), doing(0, nil))
		require.ErrorIs(t, err, commitwait.ErrNotPassed)
		require.Equal(t, given, timestamp, "to go on waiting for")
		broken := errors.New("broken")
		timestamp, err = w.DoFrom(t.Context(), giving(truth().Add(c.epsilon), nil), doing(0, broken))
		require.Equal(t, broken, err, "as it is")
		require.Zero(t, timestamp)
	})
}

// A transaction of a leader: inside the lease, above what participants have prepared and readers
// were told, and passed when it is over. One after the other they are in order, and the next
// leader's are after them.
func TestDoFromTakesTimestampsOfALeaseAndOfASequencer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: 3 * time.Millisecond}
		w := newWaiter(t, c)
		candidate, err := lease.NewCandidate(c, new(lease.MemoryStore), "shard", time.Second)
		require.NoError(t, err)
		var last truetime.Time
		for range 3 {
			held, err := candidate.Acquire(t.Context())
			require.NoError(t, err)
			for i := range truetime.Time(20) {
				prepared, read := truth()+i*truetime.Time(c.epsilon)/5, truth()+(20-i)*truetime.Time(c.epsilon)/5
				require.NoError(t, held.Raise(read))
				timestamp, err := w.DoFrom(t.Context(), func() (truetime.Time, error) { return held.TimestampAfter(prepared) }, doing(time.Millisecond, nil))
				require.NoError(t, err)
				require.Greater(t, timestamp, max(last, prepared, read))
				require.True(t, c.answered(timestamp))
				last = timestamp
			}
			last, err = w.DoFrom(t.Context(), held.Timestamp, doing(0, nil))
			require.NoError(t, err)
			require.NoError(t, held.Release(t.Context()))
			_, err = w.DoFrom(t.Context(), held.Timestamp, doing(0, nil))
			require.ErrorIs(t, err, commitwait.ErrNotBegun)
			require.ErrorIs(t, err, lease.ErrReleased)
		}
		s := newSequencer(t, c)
		require.NoError(t, s.Raise(last.Add(time.Second)))
		timestamp, err := w.DoFrom(t.Context(), s.Next, doing(0, nil))
		require.NoError(t, err)
		require.Equal(t, last.Add(time.Second)+1, timestamp)
	})
}
