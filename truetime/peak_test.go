package truetime

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever asks once a minute learns of every ε that Now has answered with, though it was so large for a moment
// only, and of every moment without an answer.
func TestPeakMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := fakes(3)
		c := start(t, asSources(all), WithPoll(time.Second, time.Second))
		_, bounded := c.Peak(time.Minute)
		require.False(t, bounded, "there was no answer at first")
		pass(2 * time.Minute)

		watch := func(span time.Duration) (seen time.Duration, always bool) {
			always = true
			for begun := time.Now(); time.Since(begun) < span; time.Sleep(time.Millisecond) {
				i, err := c.Now()
				if err != nil {
					always = false
					continue
				}
				seen = max(seen, i.Uncertainty())
			}
			return seen, always
		}
		seen, always := watch(time.Minute)
		require.True(t, always)
		peak, bounded := c.Peak(time.Minute)
		require.True(t, bounded)
		require.GreaterOrEqual(t, peak, seen)
		require.LessOrEqual(t, peak, seen+time.Microsecond, "a millisecond of drift at most, beside what was seen")
		usual := peak

		for _, f := range all { // two seconds in which nobody answers
			f.change(func() { f.silent = true })
		}
		outage, _ := watch(2 * time.Second)
		for _, f := range all {
			f.change(func() { f.silent = false })
		}
		later, _ := watch(40 * time.Second)
		now, _ := c.Now()
		require.Greater(t, outage, usual)
		peak, bounded = c.Peak(time.Minute)
		require.True(t, bounded)
		require.GreaterOrEqual(t, peak, max(outage, later))
		require.Less(t, now.Uncertainty(), peak)

		pass(time.Minute)
		peak, _ = c.Peak(time.Minute)
		require.Less(t, peak, outage, "it is over")

		(&fakeMachine{disruption: errors.New("suspended")}).on(c)
		_, always = watch(30 * time.Second)
		require.False(t, always)
		_, err := c.Now()
		require.NoError(t, err)
		_, bounded = c.Peak(time.Minute)
		require.False(t, bounded)
		s := c.Status()
		require.Equal(t, Disruptions{Counter: 1}, s.Disruptions)
		require.Equal(t, Refusals{NotSynchronized: 1}, s.Refusals)

		d := c.Distribution()
		var seconds uint64
		for _, n := range d.Counts {
			seconds += n
		}
		require.Len(t, d.Counts, len(d.Bounds)+1)
		require.InDelta(t, 2*60+60+2+40+60+30, seconds, 2, "each second is in it")
		require.Positive(t, d.Counts[len(d.Bounds)], "the first had a moment without an answer")
		require.Positive(t, d.Sum)

		require.NoError(t, c.Close())
		_, bounded = c.Peak(0)
		require.True(t, bounded, "that it is closed is no ε")
	})
}

func TestPeakOfAnAnswerThatIsRefusedForItsWidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := fakes(3)
		c := start(t, asSources(all), WithPoll(time.Second, time.Second), WithMaxUncertainty(2*time.Millisecond))
		pass(2 * time.Minute)
		for _, f := range all {
			f.change(func() { f.silent = true })
		}
		pass(time.Minute)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrUncertaintyTooLarge)
		peak, bounded := c.Peak(time.Second)
		require.True(t, bounded)
		require.Greater(t, peak, 10*time.Millisecond)
		require.Equal(t, Refusals{UncertaintyTooLarge: 1}, c.Status().Refusals)
		for _, f := range all {
			f.change(func() { f.silent = false })
		}
		pass(time.Minute)
		_, err = c.Now()
		require.NoError(t, err)
		s := c.Status()
		require.Equal(t, Refusals{UncertaintyTooLarge: 1}, s.Refusals)
		require.Zero(t, s.Disruptions)
		require.Positive(t, s.Sources[0].Polls.NoAnswer)
		require.Equal(t, s.Sources[0].Polls.Total(), s.Sources[0].Polls.Used+s.Sources[0].Polls.NoAnswer)
		require.EqualValues(t, 200, s.DriftPPM)
	})
}

func TestAClockThatWasNotMadeHasNoPeak(t *testing.T) {
	var c *Clock
	_, bounded := c.Peak(time.Minute)
	require.False(t, bounded)
	require.Len(t, c.Distribution().Counts, len(c.Distribution().Bounds)+1)
}
