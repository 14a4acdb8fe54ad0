package ntpsrc_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// pausable is a counter that goes on while nothing of the process seems to run.
type pausable struct {
	monotonic.Counter
	paused atomic.Int64
}

func (p *pausable) Now() monotonic.Instant {
	return p.Counter.Now().Add(time.Duration(p.paused.Load()))
}

// Of n real daemons f are dead: from the start on, or from some moment on, after which the process
// is paused. The clock comes up, and comes back, by the f+1 that are left, and is right.
func TestAClockComesUpAndComesBackWithFDaemonsDead(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	for _, n := range []int{3, 5, 7} {
		for _, fromTheStart := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d daemons, dead from the start: %v", n, fromTheStart), func(t *testing.T) {
				t.Parallel()
				f := (n - 1) / 2
				var daemons []*testbed.Chronyd
				var sources []truetime.Source
				for range n {
					d := testbed.StartChronyd(t)
					daemons, sources = append(daemons, d), append(sources, ntpsrc.Server(d.Address(), ntpsrc.WithLocalReference()))
				}
				kill := func() {
					for _, d := range daemons[:f] {
						d.Stop()
					}
				}
				if fromTheStart {
					kill()
				}
				system, err := monotonic.System()
				require.NoError(t, err)
				counter := &pausable{Counter: system}
				clock, err := truetime.New(sources, truetime.WithCounter(counter), truetime.WithPoll(50*time.Millisecond, 200*time.Millisecond))
				require.NoError(t, err)
				defer clock.Close()
				synchronized := func() {
					ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
					defer cancel()
					require.NoError(t, clock.WaitSynchronized(ctx, 10*time.Millisecond))
					for range 100 {
						testbed.RequireTruth(t, clock)
						time.Sleep(time.Millisecond)
					}
				}
				synchronized()
				if !fromTheStart {
					kill()
				}
				for range 2 {
					epoch := clock.Status().Epoch
					counter.paused.Add(int64(6 * time.Second))
					for deadline := time.Now().Add(2 * time.Minute); clock.Status().Epoch == epoch; time.Sleep(time.Millisecond) {
						require.True(t, time.Now().Before(deadline), "the pause is not noticed: %+v", clock.Status())
					}
					synchronized()
				}
				require.LessOrEqual(t, clock.Status().Heard, n-f)
			})
		}
	}
}
