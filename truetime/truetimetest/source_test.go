package truetimetest_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// A clock that users run, and not a simulated machine, in a bubble.
func TestARealClockPollsSourcesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const claim = time.Millisecond
		a, b, liar := truetimetest.NewSource("a", claim, claim), truetimetest.NewSource("b", -claim, claim), truetimetest.NewSource("liar", time.Hour, claim)
		a.Delay(3*time.Millisecond, 0)
		clock, err := truetime.New([]truetime.Source{a, b, liar}, truetimetest.BubbleOptions(-150)...)
		require.NoError(t, err)
		defer clock.Close()
		require.NoError(t, clock.WaitSynchronized(t.Context(), 5*time.Millisecond))
		check := func() truetime.Interval {
			t.Helper()
			i, err := clock.Now()
			require.NoError(t, err)
			require.True(t, i.Contains(truetime.FromStd(time.Now())), "%v in %v", time.Now(), i)
			return i
		}
		for range 10_000 {
			check()
			time.Sleep(7 * time.Millisecond)
		}
		require.Equal(t, truetime.Falseticker, clock.Status().Sources[2].Verdict)
		require.Equal(t, truetime.Truechimer, clock.Status().Sources[0].Verdict)

		polls := a.Polls()
		a.Silence()
		b.Fail(truetime.ErrUnusable)
		time.Sleep(10 * time.Minute)
		require.Greater(t, check().Uncertainty(), 100*time.Millisecond, "holdover")
		require.Greater(t, a.Polls(), polls)
		require.ErrorIs(t, clock.Status().Sources[1].Err, truetime.ErrUnusable)
		require.Equal(t, truetime.Silent, clock.Status().Sources[0].Verdict)
		require.EqualValues(t, 1, clock.Status().Epoch)

		a.Set(0, claim)
		b.Set(0, claim)
		time.Sleep(10 * time.Minute)
		require.Less(t, check().Uncertainty(), 60*time.Millisecond)
	})
}

func TestWhatASourceSaysIsWhatItIsToldTo(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	source := truetimetest.NewSource("s", time.Second, time.Millisecond)
	before := truetime.FromStd(time.Now())
	s, err := source.Sample(t.Context(), counter)
	require.NoError(t, err)
	after := truetime.FromStd(time.Now())
	require.Equal(t, 2*time.Millisecond, s.Latest.Sub(s.Earliest))
	require.LessOrEqual(t, before.Add(time.Second-time.Millisecond), s.Earliest)
	require.GreaterOrEqual(t, after.Add(time.Second+time.Millisecond), s.Latest)
	require.LessOrEqual(t, s.Sent, s.Received)

	require.Panics(t, func() { truetimetest.NewSource("", 0, 0) })
	require.Panics(t, func() { source.Set(0, -1) })
}

func ExampleNewSource() {
	source := truetimetest.NewSource("gps", 0, time.Millisecond)
	clock, err := truetime.New([]truetime.Source{source, truetimetest.NewSource("b", 0, time.Millisecond), truetimetest.NewSource("c", 0, time.Millisecond)})
	if err != nil {
		panic(err)
	}
	defer clock.Close()
	for {
		changed := clock.Changed()
		if now, err := clock.Now(); err == nil {
			fmt.Println(now.Valid())
			return
		}
		<-changed
	}
	// Output: true
}
