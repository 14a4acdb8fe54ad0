package truetime

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// hanging is an honest source that can be made to hang, whatever its context says.
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

func TestSourceThatHangsStopsNobodyElseAndIsAskedAgainWhenItComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := fakes(3)
		h := &hanging{fake: all[0]}
		c := start(t, []Source{h, all[1], all[2]}, WithPoll(time.Second, time.Second))
		pass(10 * time.Second)
		hang := make(chan struct{})
		h.change(func() { h.hang = hang })
		pass(2 * time.Second)

		began := time.Now()
		pass(time.Minute)
		for _, s := range all[1:] {
			require.GreaterOrEqual(t, s.pollsSince(began), 50, "source %s", s.name)
			require.LessOrEqual(t, s.pollsSince(began), 60, "source %s: once", s.name)
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

func TestContextOfAPollEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given atomic.Value
		start(t, []Source{keeping{newFake("a"), &given}}, WithPoll(time.Hour, time.Hour))
		pass(10 * time.Millisecond)
		require.ErrorIs(t, given.Load().(context.Context).Err(), context.Canceled)
	})
}

// keeping is a source that keeps the context that it was given.
type keeping struct {
	*fake
	given *atomic.Value
}

func (k keeping) Sample(ctx context.Context, counter monotonic.Counter) (Sample, error) {
	k.given.Store(ctx)
	return k.fake.Sample(ctx, counter)
}

func TestSourceThatFallsSilentDoesNotDelayTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := fakes(4)
		start(t, asSources(all), WithPoll(time.Second, time.Second))
		pass(10 * time.Second)
		for _, f := range all[:3] {
			f.change(func() { f.silent = true })
		}
		began := time.Now()
		pass(3300 * time.Millisecond)
		require.GreaterOrEqual(t, all[3].pollsSince(began), 3, "one every 1 to 1.1 s")
	})
}

// A counter that has stopped makes every answer wrong in time. What the sources say will show it, if they
// are asked, all of them: a single one proves nothing.
func TestSourcesAreAskedThoughTheCounterHasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var counter monotonic.Manual
		all := fakes(3)
		start(t, asSources(all), WithCounter(&counter), WithPoll(time.Second, time.Second))
		pass(5 * time.Second)
		began := time.Now()
		pass(20 * time.Second)
		for _, f := range all {
			require.GreaterOrEqual(t, f.pollsSince(began), 10, "source %s", f.name)
		}
	})
}

// setBack is a counter that goes back.
type setBack struct {
	bubbleCounter
	by *atomic.Int64
}

func (c setBack) Now() monotonic.Instant {
	return c.bubbleCounter.Now() - monotonic.Instant(c.by.Load())
}

// What is due when the counter reads what it has read long ago must not be waited for.
func TestCounterThatWentBackAnHourDoesNotStopThePollsForAnHour(t *testing.T) {
	for poll, least := range map[time.Duration]int{
		time.Second: 10,
		time.Minute: 4, // the burst of a new epoch
	} {
		synctest.Test(t, func(t *testing.T) {
			all := fakes(2)
			counter := setBack{newBubbleCounter(0), new(atomic.Int64)}
			pass(2 * time.Hour)
			start(t, asSources(all), WithCounter(counter), WithPoll(poll, poll))
			pass(2 * time.Minute)
			counter.by.Store(int64(time.Hour))
			began := time.Now()
			pass(20 * time.Second)
			require.GreaterOrEqual(t, all[0].pollsSince(began), least)
		})
	}
}

func TestCloseWhileASourceHangsWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{fake: newFake("a")}
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

func TestNobodyIsAskedBeforeTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		for i, s := range sources {
			s.back = time.Duration(1+i) * 130 * time.Millisecond
		}
		start(t, asSources(sources), WithPoll(time.Second, time.Second))
		pass(10 * time.Second)
		began := time.Now()
		pass(time.Minute)
		for _, s := range sources {
			require.LessOrEqual(t, s.pollsSince(began), 60, "source %s", s.name)
		}
	})
}
