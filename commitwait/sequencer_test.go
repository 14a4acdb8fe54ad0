package commitwait_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

func newSequencer(t *testing.T, c truetime.Reader, options ...commitwait.SequencerOption) *commitwait.Sequencer {
	t.Helper()
	s, err := commitwait.NewSequencer(c, options...)
	require.NoError(t, err)
	return s
}

// Many take timestamps while others raise the floor: nobody gets one that anybody else has, that is
// before Latest of the moment of the call, or that is not above what was there when it began.
func TestSequencerIsStrictlyIncreasingForManyGoroutines(t *testing.T) {
	const goroutines, each = 8, 5000
	c := &clock{epsilon: time.Millisecond}
	s := newSequencer(t, c)
	taken := make([][]truetime.Time, goroutines)
	var running sync.WaitGroup
	for g := range goroutines {
		running.Go(func() {
			for i := range each {
				least := max(truth().Add(c.epsilon), s.Last()+1)
				if i%100 == g {
					least = max(least, truth().Add(2*time.Millisecond))
					if err := s.Raise(least - 1); err != nil {
						t.Error(err)
						return
					}
				}
				timestamp, err := s.Next()
				if err != nil || timestamp < least {
					t.Errorf("got %v, %v after %v", timestamp, err, least)
					return
				}
				taken[g] = append(taken[g], timestamp)
			}
		})
	}
	running.Wait()
	var all []truetime.Time
	for _, own := range taken {
		require.True(t, slices.IsSorted(own))
		all = append(all, own...)
	}
	slices.Sort(all)
	require.Len(t, slices.Compact(all), goroutines*each, "all different")
	require.Equal(t, slices.Max(all), s.Last())
}

func TestSequencerNeverGoesBackThoughTheClockDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Second}
		s := newSequencer(t, c)
		require.Zero(t, s.Last())
		first, err := s.Next()
		require.NoError(t, err)
		require.Equal(t, truth().Add(time.Second), first, "Latest")
		c.change(func() { c.epsilon = time.Millisecond }) // as Latest does in a new epoch
		second, err := s.Next()
		require.NoError(t, err)
		require.Equal(t, first+1, second)
		require.NoError(t, s.Raise(first), "a floor that is lower changes nothing")
		require.Equal(t, second, s.Last())
	})
}

func TestFloorFarAheadIsRefusedAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{epsilon: time.Millisecond}
		s := newSequencer(t, c, commitwait.WithMaxAhead(time.Second))
		latest := truth().Add(c.epsilon)
		for _, floor := range []truetime.Time{latest.Add(time.Second + 1), latest.Add(100 * 365 * 24 * time.Hour), math.MaxInt64} {
			require.ErrorIs(t, s.Raise(floor), commitwait.ErrTooFarAhead)
		}
		require.ErrorContains(t, s.Raise(0), "zero")
		require.ErrorContains(t, s.Raise(latest/1e3), "nanoseconds", "microseconds would be no floor at all")
		require.Zero(t, s.Last())

		require.NoError(t, s.Raise(latest.Add(time.Second)))
		_, err := s.Next()
		require.ErrorIs(t, err, commitwait.ErrTooFarAhead, "there is nothing between the floor and the maximum")
		require.Equal(t, latest.Add(time.Second), s.Last(), "no timestamp was used up")
		time.Sleep(time.Nanosecond)
		next, err := s.Next()
		require.NoError(t, err, "time has caught up")
		require.Equal(t, latest.Add(time.Second+1), next)

		_, err = newSequencer(t, c).Next()
		require.NoError(t, err)
		require.ErrorIs(t, newSequencer(t, c).Raise(latest.Add(commitwait.DefaultMaxAhead+2)), commitwait.ErrTooFarAhead)
	})
}

// atTheEnd is a clock in the last nanoseconds that a Time can hold.
type atTheEnd struct{}

func (atTheEnd) Now() (truetime.Interval, error) {
	return truetime.Interval{Earliest: math.MaxInt64 - 9, Latest: math.MaxInt64 - 1}, nil
}

func TestSequencerDoesNotWrapAtTheEndOfTime(t *testing.T) {
	s := newSequencer(t, atTheEnd{})
	for _, want := range []truetime.Time{math.MaxInt64 - 1, math.MaxInt64} {
		next, err := s.Next()
		require.NoError(t, err)
		require.Equal(t, want, next)
	}
	_, err := s.Next()
	require.ErrorIs(t, err, commitwait.ErrTooFarAhead)
}

func TestSequencerRefusesWithItsClock(t *testing.T) {
	c := &clock{err: truetime.ErrNotSynchronized}
	s := newSequencer(t, c)
	_, err := s.Next()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.ErrorIs(t, s.Raise(truth()), truetime.ErrNotSynchronized)
	c.err, c.upset = nil, true
	_, err = s.Next()
	require.ErrorIs(t, err, commitwait.ErrInvalidInterval)
	require.Zero(t, s.Last())

	_, err = commitwait.NewSequencer((*clock)(nil), nil, commitwait.WithMaxAhead(0))
	for _, mistake := range []string{"the clock is nil", "an option is nil", "maximum of 0s ahead"} {
		require.ErrorContains(t, err, mistake, "all at once")
	}
	_, err = new(commitwait.Sequencer).Next()
	require.ErrorIs(t, err, commitwait.ErrUnmade)
	require.ErrorIs(t, new(commitwait.Sequencer).Raise(truth()), commitwait.ErrUnmade)
}

func TestSequencerDoesNotAllocate(t *testing.T) {
	s := newSequencer(t, &clock{epsilon: time.Millisecond})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := s.Next(); err != nil {
			t.Error(err)
		}
	}))
}
