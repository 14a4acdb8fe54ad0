package commitwait

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestStatsCountWhatWaitsAndHowItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := truetimetest.NewManual(truetime.FromStd(time.Now()), time.Millisecond)
		w, err := NewWaiter(clock, WithSpin(0))
		require.NoError(t, err)
		defer w.Close()
		now, err := clock.Now()
		require.NoError(t, err)
		require.NoError(t, w.Until(t.Context(), now.Earliest.Add(-1)))
		require.Equal(t, uint64(1), w.Stats().Passed)
		require.Zero(t, w.Stats().Waited.Sum, "it did not wait")

		ended := make(chan error)
		go func() { ended <- w.Until(t.Context(), now.Latest.Add(3*time.Millisecond)) }()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- w.Until(ctx, now.Latest.Add(time.Minute)) }()
		synctest.Wait()
		require.Equal(t, 2, w.Stats().Waiting)
		time.Sleep(5 * time.Millisecond)
		cancel()
		require.ErrorIs(t, <-ended, ErrNotPassed)
		clock.Advance(6 * time.Millisecond)
		require.NoError(t, <-ended)

		s := w.Stats()
		require.Zero(t, s.Waiting)
		require.Equal(t, uint64(2), s.Passed)
		require.Equal(t, uint64(1), s.Failed)
		require.Positive(t, s.Waited.Sum)
		var waited uint64
		for _, n := range s.Waited.Counts {
			waited += n
		}
		require.Equal(t, uint64(2), waited, "those that had to wait")
		require.Len(t, s.Waited.Counts, len(s.Waited.Bounds)+1)
	})
}
