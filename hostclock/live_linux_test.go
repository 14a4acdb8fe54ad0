package hostclock

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/wallclocksource"
	"github.com/epsilontime/epsilon/truetime"
)

// startClock starts a clock on this machine's counter whose truth is the wall clock.
func startClock(t testing.TB) *truetime.Clock {
	t.Helper()
	clock, err := truetime.New([]truetime.Source{wallclocksource.Source{}}, truetime.WithPoll(time.Second, time.Second))
	require.NoError(t, err)
	t.Cleanup(func() { clock.Close() })
	require.NoError(t, clock.WaitSynchronized(t.Context(), time.Second))
	return clock
}

// publish publishes a clock to a path until the test ends.
func publish(t testing.TB, clock *truetime.Clock, path string) *Publisher {
	t.Helper()
	p, err := NewPublisher(clock, path)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func open(t testing.TB, path string, options ...Option) *Clock {
	t.Helper()
	c, err := Open(path, options...)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// What is read may be true between two answers of the clock itself, one from before and one from after.
func TestAReaderAnswersAsThePublishedClockDoes(t *testing.T) {
	clock, path := startClock(t), filepath.Join(t.TempDir(), "clock")
	published := publish(t, clock, path)
	reader := open(t, path)
	for range 10 {
		changed := reader.Changed()
		for range 100 {
			before, err := clock.Now()
			require.NoError(t, err)
			read, err := reader.Now()
			require.NoError(t, err)
			after, err := clock.Now()
			require.NoError(t, err)
			require.True(t, before.Earliest <= read.Latest && read.Earliest <= after.Latest, "%v between %v and %v", read, before, after)
			tai, err := reader.NowTAI()
			require.NoError(t, err)
			own, err := clock.NowTAI()
			require.NoError(t, err)
			require.LessOrEqual(t, tai.Earliest, own.Latest, "one was read before the other")
		}
		<-changed
	}
	s := reader.Status()
	require.Equal(t, truetime.Synchronized, s.State)
	require.Equal(t, Running, s.Daemon)
	require.Empty(t, s.Summary())
	require.GreaterOrEqual(t, published.Published(), uint64(10))

	require.NoError(t, clock.Close())
	require.Eventually(t, func() bool { return published.Err() != nil }, 10*time.Second, time.Millisecond)
	require.ErrorIs(t, published.Err(), truetime.ErrClosed)
	read, err := reader.Now()
	require.NoError(t, err, "what was published holds for ever")
	require.True(t, read.Valid())
	s = reader.Status()
	require.Equal(t, Stopped, s.Daemon)
	require.Equal(t, truetime.Holdover, s.State)
	require.Contains(t, s.Summary(), "was stopped")
}
