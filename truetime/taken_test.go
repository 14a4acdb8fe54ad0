package truetime

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// jumping is a counter that jumps ahead.
type jumping struct {
	bubbleCounter
	by *atomic.Int64
}

func (j jumping) Now() monotonic.Instant {
	return j.bubbleCounter.Now().Add(time.Duration(j.by.Load()))
}

// A sample counts by when it was taken. One that its source has kept from before the poll says nothing about a
// counter that has been disturbed meanwhile, whether the clock has noticed or not.
func TestSampleThatWasKeptIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		by := new(atomic.Int64)
		c := start(t, asSources(sources), WithCounter(jumping{newBubbleCounter(0), by}))
		pass(10 * time.Second)
		requireTruth(t, c)
		epoch := c.Status().Epoch

		sources[0].change(func() { sources[0].keeps = true })
		by.Add(int64(6 * time.Second)) // the clock finds that nothing ran for so long
		pass(time.Minute)
		s := c.Status()
		require.Equal(t, epoch+1, s.Epoch)
		require.ErrorIs(t, s.Err, ErrNotSynchronized)
		require.Equal(t, Unusable, s.Sources[0].Verdict)
		require.ErrorIs(t, s.Sources[0].Err, ErrUnusable)
		require.ErrorContains(t, s.Sources[0].Err, "taken before it was asked for")

		sources[0].change(func() { sources[0].keeps = false })
		pass(10 * time.Minute)
		requireTruth(t, c)
	})
}

// What is measured now by something that somebody else measured before, as a daemon may do, is as old as that.
func TestSampleThatFollowsFromSomethingOlderThanTheEpochIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(1)
		by := new(atomic.Int64)
		c := start(t, asSources(sources), WithCounter(jumping{newBubbleCounter(0), by}), WithPoll(100*time.Millisecond, 100*time.Millisecond))
		pass(10 * time.Second)
		requireTruth(t, c)
		sources[0].change(func() { sources[0].age = 2 * time.Second })
		pass(10 * time.Second)
		require.NoError(t, c.Status().Sources[0].Err, "it may be as old as the epoch")

		by.Add(int64(6 * time.Second))
		pass(1900 * time.Millisecond)
		s := c.Status()
		require.ErrorIs(t, s.Err, ErrNotSynchronized)
		require.ErrorContains(t, s.Sources[0].Err, "before the last disruption")
		pass(3 * time.Second)
		requireTruth(t, c)
	})
}
