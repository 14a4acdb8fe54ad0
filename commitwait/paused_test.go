package commitwait_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// pausing is a clock whose reader loses its processor for so long right after the next reading.
type pausing struct {
	clock
	pauses []time.Duration
}

func (c *pausing) Now() (truetime.Interval, error) {
	now, err := c.clock.Now()
	if len(c.pauses) > 0 {
		pause := c.pauses[0]
		c.pauses = c.pauses[1:]
		time.Sleep(pause)
	}
	return now, err
}

// How long the wait is depends on when it begins. Who was paused before that, or had to wait for a
// timestamp, is not told that it is too long.
func TestAPauseBeforeTheWaitIsNoPartOfIt(t *testing.T) {
	for name, slow := range map[string]struct{ reading, source time.Duration }{
		"after the reading":                {reading: 3 * time.Second},
		"in the source of timestamps":      {source: 3 * time.Second},
		"after the reading and the source": {3 * time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &pausing{clock: clock{epsilon: time.Millisecond}, pauses: []time.Duration{slow.reading}}
				w := newWaiter(t, c, commitwait.WithMaxWait(time.Second))
				done := false
				timestamp, err := w.DoFrom(t.Context(), func() (truetime.Time, error) {
					time.Sleep(slow.source)
					return truth().Add(c.epsilon), nil
				}, func(context.Context, truetime.Time) error {
					done = true
					return nil
				})
				require.NoError(t, err)
				require.True(t, done)
				require.True(t, c.answered(timestamp))
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // Do has a source of its own
		c := &pausing{clock: clock{epsilon: time.Millisecond}, pauses: []time.Duration{3 * time.Second}}
		w := newWaiter(t, c, commitwait.WithMaxWait(time.Second))
		_, err := w.Do(t.Context(), doing(0, nil))
		require.NoError(t, err)
	})
}

// A wait that is too long also when the timestamp has been taken is refused, by an interval of
// then, and a clock that refuses then is the reason.
func TestAfterAPauseAWaitThatIsTooLongIsStillRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &pausing{clock: clock{epsilon: time.Millisecond}, pauses: []time.Duration{3 * time.Second}}
		w := newWaiter(t, c, commitwait.WithMaxWait(time.Second))
		ahead := func() (truetime.Time, error) { return truth().Add(time.Second), nil }
		_, err := w.DoFrom(t.Context(), ahead, doing(0, nil))
		require.ErrorIs(t, err, commitwait.ErrNotBegun)
		require.ErrorIs(t, err, commitwait.ErrWaitTooLong)
		require.ErrorContains(t, err, (time.Second + c.epsilon).String(), "by the interval of then")

		c.pauses = []time.Duration{3 * time.Second}
		_, err = w.DoFrom(t.Context(), func() (truetime.Time, error) {
			c.change(func() { c.err = truetime.ErrNotSynchronized })
			return truth(), nil
		}, doing(0, nil))
		require.ErrorIs(t, err, commitwait.ErrNotBegun)
		require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	})
}

// Others take timestamps and raise the floor while a reader of the Sequencer is paused.
func TestASequencerWhoseReaderIsPausedIsNotAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, call := range map[string]func(*commitwait.Sequencer) error{
			"Next":  func(s *commitwait.Sequencer) error { _, err := s.Next(); return err },
			"Raise": func(s *commitwait.Sequencer) error { return s.Raise(truth().Add(time.Millisecond)) },
		} {
			c := &pausing{}
			s, err := commitwait.NewSequencer(c, commitwait.WithMaxAhead(time.Second))
			require.NoError(t, err)
			c.pauses = []time.Duration{3 * time.Second}
			paused := make(chan error)
			go func() { paused <- call(s) }()
			synctest.Wait()
			for range 5 {
				time.Sleep(500 * time.Millisecond)
				_, err := s.Next()
				require.NoError(t, err)
			}
			require.NoError(t, <-paused, name)
		}
	})
}
