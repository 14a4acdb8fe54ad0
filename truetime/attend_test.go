package truetime

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// nearFakes returns honest sources that answer at once, so that one goroutine asks them all.
func nearFakes(n int) []*fake {
	all := fakes(n)
	for _, f := range all {
		f.there, f.back = 0, 0
	}
	return all
}

// hanging is a source that can be made to hang, whatever its context says.
type hanging struct {
	*fake
	hang chan struct{} // nil while it does not; closed when it comes back
}

func (h *hanging) Sample(ctx context.Context, counter monotonic.Counter) (Sample, error) {
	h.mu.Lock()
	hang := h.hang
	h.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return h.fake.Sample(ctx, counter)
}

func TestNearSourceThatHangsStopsNobodyElseAndIsAskedAgainWhenItComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := nearFakes(3)
		h := &hanging{fake: sources[0]}
		c := start(t, []Source{h, sources[1], sources[2]}, WithPoll(time.Second, time.Second))
		pass(10 * time.Second)
		hang := make(chan struct{})
		h.change(func() { h.hang = hang })
		pass(2 * time.Second)

		began := time.Now()
		pass(time.Minute)
		for _, s := range sources[1:] {
			require.GreaterOrEqual(t, s.pollsSince(began), 50, "source %s", s.name)
		}
		require.Zero(t, h.pollsSince(began))
		require.EqualValues(t, 1, c.Status().Epoch, "and the counter is looked at")
		requireTruth(t, c)

		h.change(func() { h.hang = nil })
		close(hang)
		pass(5 * time.Second)
		began = time.Now()
		pass(time.Minute)
		require.GreaterOrEqual(t, h.pollsSince(began), 50)
		require.LessOrEqual(t, h.pollsSince(began), 60, "once")
	})
}

func TestNearSourceThatFallsSilentDelaysTheOthersByLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := nearFakes(4)
		start(t, asSources(sources), WithPoll(time.Second, time.Second))
		pass(10 * time.Second)
		for _, f := range sources[:3] {
			f.change(func() { f.silent = true })
		}
		began := time.Now()
		pass(1100*time.Millisecond + 3*relieveAfter)
		require.Equal(t, 1, sources[3].pollsSince(began), "one after the other is given up, and not waited for until its timeout")
	})
}

// A counter that has stopped makes every answer wrong in time. What the sources say will show it, if they
// are asked.
func TestSourcesAreAskedThoughTheCounterHasStopped(t *testing.T) {
	for name, sources := range map[string][]*fake{"near": nearFakes(3), "far": fakes(3)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var counter monotonic.Manual
				start(t, asSources(sources), WithCounter(&counter), WithPoll(time.Second, time.Second))
				pass(5 * time.Second)
				began := time.Now()
				pass(20 * time.Second)
				for _, s := range sources {
					require.GreaterOrEqual(t, s.pollsSince(began), 10)
				}
			})
		})
	}
}

func TestCloseWhileANearSourceHangsWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{fake: nearFakes(1)[0]}
		c := start(t, []Source{h}, WithPoll(time.Second, time.Second))
		pass(10 * time.Second)
		hang := make(chan struct{})
		h.change(func() { h.hang = hang })
		pass(2 * time.Second)
		time.AfterFunc(time.Minute, func() { close(hang) })
		began := time.Now()
		require.NoError(t, c.Close())
		require.Equal(t, time.Minute, time.Since(began))
	})
}
