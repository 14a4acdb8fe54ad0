package hlc_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
)

// Many goroutines, in two crowds on two clocks that send each other timestamps. Each call must
// return more than every call on the same clock that had returned before it began: that is what
// linearizable means for a clock, and it needs no search through histories.
func TestTimestampsAreLinearizableUnderConcurrency(t *testing.T) {
	const goroutines, calls = 4, 3000
	sources := [2]*manual{at(start, 1000), at(start+500, 700)}
	clocks := [2]*hlc.Clock{newClock(t, sources[0]), newClock(t, sources[1])}
	var finished [2]atomic.Int64 // the greatest timestamp that has been returned
	var issued [2][goroutines][]hlc.Timestamp

	var running sync.WaitGroup
	for side := range clocks {
		for g := range goroutines {
			running.Go(func() {
				for call := range calls {
					before, remote := finished[side].Load(), hlc.Timestamp(finished[1-side].Load())
					var got hlc.Timestamp
					var err error
					switch {
					case call%16 == 0:
						at := start.Add(1000) + clocks[side].Last().Time()%64 // forth and back
						sources[side].set(at-900, at)
						continue
					case call%3 == 0 && remote > 0:
						got, err = clocks[side].Update(remote, "other side")
						before = max(before, int64(remote))
					case call%5 == 0 && remote > 0:
						err = clocks[side].Observe(remote, "other side")
						if err == nil {
							got, err = clocks[side].Now()
						}
						before = max(before, int64(remote))
					default:
						got, err = clocks[side].Now()
					}
					if err != nil || int64(got) <= before {
						t.Errorf("got %v after %v, error %v", got, before, err)
						return
					}
					issued[side][g] = append(issued[side][g], got)
					for {
						last := finished[side].Load()
						if last >= int64(got) || finished[side].CompareAndSwap(last, int64(got)) {
							break
						}
					}
				}
			})
		}
	}
	running.Wait()
	for side := range clocks {
		seen := map[hlc.Timestamp]bool{}
		for _, timestamps := range issued[side] {
			for _, timestamp := range timestamps {
				require.False(t, seen[timestamp], "%v was issued twice", timestamp)
				seen[timestamp] = true
			}
		}
		require.NotEmpty(t, seen)
	}
}

// An Observe must not take back what another call has merged or issued while it looked.
func TestObserveTakesNothingBack(t *testing.T) {
	clock := newClock(t, at(start, 0))
	require.NoError(t, clock.Observe(oldest, "the first row"))
	var running sync.WaitGroup
	var done atomic.Bool
	running.Go(func() {
		for !done.Load() {
			if err := clock.Observe(clock.Last()+1, "one row"); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 500_000 {
		merged := clock.Last() + 100
		if err := clock.Observe(merged, "another row"); err != nil || clock.Last() < merged {
			t.Errorf("%v after %v had been merged, error %v", clock.Last(), merged, err)
			break
		}
	}
	done.Store(true)
	running.Wait()
}
