package truetime

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/alarm"
	"github.com/epsilontime/epsilon/internal/handover"
	"github.com/epsilontime/epsilon/monotonic"
)

// prompt is an honest source that answers at once and says so if it cannot, so that one goroutine asks all of
// its kind. It can be made to hang, whatever its context says.
type prompt struct {
	*fake
	hang chan struct{} // nil while it does not; closed when it comes back
}

func (*prompt) HandsOver() {}

func (p *prompt) Sample(ctx context.Context, counter monotonic.Counter) (Sample, error) {
	p.mu.Lock()
	hang, silent := p.hang, p.silent
	p.mu.Unlock()
	if hang != nil || silent {
		handover.Before(ctx)
		handover.Before(ctx) // once is enough, and twice does not harm
	}
	if hang != nil {
		<-hang
	}
	return p.fake.Sample(ctx, counter)
}

func prompts(n int) (all []*prompt, sources []Source) {
	for _, f := range fakes(n) {
		f.there, f.back = 0, 0
		p := &prompt{fake: f}
		all, sources = append(all, p), append(sources, p)
	}
	return all, sources
}

// hanging is a source of somebody else's, who may hang and has made no promise.
type hanging struct{ *prompt }

func (h hanging) HandsOver(other struct{}) {}

func TestSourceThatHangsStopsNobodyElseAndIsAskedAgainWhenItComesBack(t *testing.T) {
	for name, kind := range map[string]func(*prompt) Source{
		"handed over":  func(p *prompt) Source { return p },
		"in a group":   func(p *prompt) Source { return Group("g", p)[0] },
		"without word": func(p *prompt) Source { return hanging{p} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, sources := prompts(3)
				h := all[0]
				sources[0] = kind(h)
				c := start(t, sources, WithPoll(time.Second, time.Second))
				pass(10 * time.Second)
				hang := make(chan struct{})
				h.change(func() { h.hang = hang })
				pass(2 * time.Second)

				began := time.Now()
				pass(time.Minute)
				for _, s := range all[1:] {
					require.GreaterOrEqual(t, s.pollsSince(began), 50, "source %s", s.name)
					require.LessOrEqual(t, s.pollsSince(began), 60, "source %s: one attendant asks it", s.name)
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
		})
	}
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
		all, sources := prompts(4)
		start(t, sources, WithPoll(time.Second, time.Second))
		pass(10 * time.Second)
		for _, f := range all[:3] {
			f.change(func() { f.silent = true })
		}
		began := time.Now()
		pass(1100 * time.Millisecond)
		require.Equal(t, 1, all[3].pollsSince(began))
	})
}

// Nobody is to wait for many who are slow, and who does not hand over is not to wait for anybody.
func TestOnlyTheFirstFewAreAskedOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = 400 * time.Microsecond
		all, sources := prompts(3 * oneByOne)
		for _, p := range all {
			p.there = slow
		}
		last := newFake("last")
		began := time.Now().Add(-1)
		asked := func() (n int) {
			for _, p := range all {
				n += p.pollsSince(began)
			}
			return n
		}
		start(t, append(Group("slow", sources...), last), WithPoll(time.Second, time.Second))
		synctest.Wait()
		require.Equal(t, 1+2*oneByOne, asked())
		require.Equal(t, 1, last.pollsSince(began))
		pass(slow)
		require.Equal(t, 2+2*oneByOne, asked())
		pass((oneByOne - 2) * slow)
		require.Equal(t, len(all), asked())
	})
}

// waiting is a source that is too far away to be waited for.
type waiting struct{ *fake }

func (waiting) HandsOver() {}

func (w waiting) Sample(ctx context.Context, counter monotonic.Counter) (Sample, error) {
	handover.Before(ctx)
	return w.fake.Sample(ctx, counter)
}

// A counter that has stopped makes every answer wrong in time. What the sources say will show it, if they
// are asked, all of them: a single one proves nothing.
func TestSourcesAreAskedThoughTheCounterHasStopped(t *testing.T) {
	for name, kind := range map[string]func(*fake) Source{
		"near":         func(f *fake) Source { return &prompt{fake: f} },
		"handing over": func(f *fake) Source { return waiting{f} },
		"far":          func(f *fake) Source { return f },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var counter monotonic.Manual
				all := fakes(3)
				var sources []Source
				for _, f := range all {
					sources = append(sources, kind(f))
				}
				start(t, sources, WithCounter(&counter), WithPoll(time.Second, time.Second))
				pass(5 * time.Second)
				began := time.Now()
				pass(20 * time.Second)
				for _, f := range all {
					require.GreaterOrEqual(t, f.pollsSince(began), 10, "source %s", f.name)
				}
			})
		})
	}
}

// eager is an alarm that fires too soon, as it may.
type eager struct{ alarm.Alarm }

func (e eager) Wait() bool {
	e.Set(time.Millisecond)
	return e.Alarm.Wait()
}

func TestAlarmThatFiresTooSoonDoesNotMakeTheClockPollTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, sources := prompts(2)
		c := start(t, sources, WithPoll(time.Second, time.Second))
		pass(5 * time.Second)
		c.mu.Lock()
		c.alarm = eager{c.alarm}
		c.mu.Unlock()
		began := time.Now()
		pass(10 * time.Second)
		require.LessOrEqual(t, all[0].pollsSince(began), 10)
		require.GreaterOrEqual(t, all[0].pollsSince(began), 9)
	})
}

// attended is an alarm that knows how many wait for it.
type attended struct {
	alarm.Alarm
	waiting, most *atomic.Int32
}

func (a attended) Wait() bool {
	a.most.Store(max(a.most.Load(), a.waiting.Add(1)))
	defer a.waiting.Add(-1)
	return a.Alarm.Wait()
}

func TestClockHasOneAttendantHoweverOftenSourcesHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sources []Source
		for _, f := range fakes(5) {
			sources = append(sources, waiting{f})
		}
		c := start(t, sources, WithPoll(time.Second, time.Second))
		pass(5 * time.Second)
		watched := attended{c.alarm, new(atomic.Int32), new(atomic.Int32)}
		c.mu.Lock()
		c.alarm = watched
		c.mu.Unlock()
		for range 20 {
			pass(1500 * time.Millisecond)
			require.EqualValues(t, 1, watched.waiting.Load())
		}
		require.EqualValues(t, 1, watched.most.Load())
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
	synctest.Test(t, func(t *testing.T) {
		all, sources := prompts(2)
		counter := setBack{newBubbleCounter(0), new(atomic.Int64)}
		pass(2 * time.Hour)
		c := start(t, sources, WithCounter(counter), WithPoll(time.Second, time.Second))
		pass(5 * time.Second)
		counter.by.Store(int64(time.Hour))
		c.mu.Lock()
		c.alarm.Set(0) // it fires too soon, so that nothing is due
		c.mu.Unlock()
		began := time.Now()
		pass(20 * time.Second)
		require.GreaterOrEqual(t, all[0].pollsSince(began), 10)
	})
}

func TestCloseWhileASourceHangsWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, sources := prompts(1)
		c := start(t, sources, WithPoll(time.Second, time.Second))
		pass(10 * time.Second)
		hang := make(chan struct{})
		all[0].change(func() { all[0].hang = hang })
		pass(2 * time.Second)
		time.AfterFunc(time.Minute, func() { close(hang) })
		began := time.Now()
		require.NoError(t, c.Close())
		require.Equal(t, time.Minute, time.Since(began))
	})
}

// A poll that ends wakes the attendant, early for the others.
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
