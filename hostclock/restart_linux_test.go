package hostclock

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/wallclocksource"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// A daemon that is restarted makes a new file. Until that has an answer the reader goes on with the old one, and then it
// takes the new one.
func TestARestartIsNoticed(t *testing.T) {
	w := newWriter(t, clockPath(t), func(h *header, _ *record) { h.writer = 1 })
	c := open(t, w.path)
	requireTrue(t, c)

	next := newWriter(t, w.path, func(h *header, r *record) {
		h.writer, r.State, r.Answers = 2, uint8(truetime.Unsynchronized), false
	})
	look(c)
	requireTrue(t, c)
	s := c.Status()
	require.EqualValues(t, 1, s.Writer)
	require.ErrorContains(t, s.Trouble, "no answer yet")

	next.write(nil)
	look(c)
	requireTrue(t, c)
	s = c.Status()
	require.EqualValues(t, 2, s.Writer)
	require.NoError(t, s.Trouble)

	// Anything else in its place is reported, and the old one goes on.
	require.NoError(t, os.Remove(w.path))
	look(c)
	requireTrue(t, c)
	require.ErrorIs(t, c.Status().Trouble, os.ErrNotExist)
	require.NoError(t, os.WriteFile(w.path, []byte("hello"), 0o644))
	look(c)
	requireTrue(t, c)
	require.ErrorIs(t, c.Status().Trouble, ErrForeign)
}

// What the old daemon has said ends where the new one sees another marker of the hypervisor, though this process sees none.
func TestANewDaemonThatSeesAnotherMarkerEndsWhatTheOldOneSaid(t *testing.T) {
	for marker, is := range map[uint64]error{5: nil, 6: truetime.ErrNotSynchronized} {
		w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.VM, r.Marker = true, 5 })
		c := open(t, w.path, WithVMClock(""))
		requireTrue(t, c)
		newWriter(t, w.path, func(h *header, r *record) {
			h.writer, r.State, r.Answers, r.VM, r.Marker = 2, uint8(truetime.Unsynchronized), false, true, marker
		})
		look(c)
		_, err := c.Now()
		require.ErrorIs(t, err, is)
	}
}

// It ends also where this process cannot use what the new daemon publishes, as that of another time namespace.
func TestAMarkerCountsInARecordThatCannotBeUsed(t *testing.T) {
	for marker, is := range map[uint64]error{5: nil, 6: ErrCounter} {
		w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.VM, r.Marker = true, 5 })
		c := open(t, w.path, WithVMClock(""))
		newWriter(t, w.path, func(h *header, r *record) { h.monotonic += time.Hour; r.VM, r.Marker = true, marker })
		look(c)
		_, err := c.Now()
		require.ErrorIs(t, err, is)
		require.ErrorIs(t, c.Status().Trouble, ErrCounter)
	}
}

// Nobody has to call anything but Now for a restart to be noticed.
func TestNowItselfLooksAtTheHost(t *testing.T) {
	w := newWriter(t, clockPath(t), func(h *header, _ *record) { h.writer = 1 })
	c := open(t, w.path)
	newWriter(t, w.path, func(h *header, _ *record) { h.writer = 2 })
	for c.view.Load().segment.writer != 2 {
		requireTrue(t, c)
	}
}

func TestOnlyOnePublishesToAPath(t *testing.T) {
	clock, path := startClock(t), clockPath(t)
	p := publish(t, clock, path)
	_, err := NewPublisher(clock, path)
	require.ErrorIs(t, err, ErrPublished)
	require.ErrorContains(t, err, path)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	after := 0
	again, err := NewPublisher(clock, path, WithAfterPublication(func() { after++ }))
	require.NoError(t, err)
	require.NoError(t, again.Close())
	require.EqualValues(t, after, again.Published())
}

// Who cleans up the directory takes the file away from those who come later, and the publisher makes it anew.
func TestAFileThatIsTakenAwayIsMadeAnew(t *testing.T) {
	clock, path := startClock(t), clockPath(t)
	p := publish(t, clock, path)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Remove(path+".lock"))
	for {
		if _, err := os.Stat(path); err == nil {
			break
		}
		require.NoError(t, p.Err())
		time.Sleep(time.Millisecond)
	}
	c := open(t, path)
	_, err := c.Now()
	require.NoError(t, err)
}

func TestAClockOnACounterOfTheUsersIsNotPublished(t *testing.T) {
	raw, err := monotonic.Raw()
	require.NoError(t, err)
	clock, err := truetime.New([]truetime.Source{wallclocksource.Source{}}, truetime.WithCounter(struct{ monotonic.Counter }{raw}))
	require.NoError(t, err)
	defer clock.Close()
	_, err = NewPublisher(clock, clockPath(t))
	require.ErrorIs(t, err, truetime.ErrNotPublishable)
	require.ErrorContains(t, err, "leave WithCounter out")
}

func TestChangedIsClosedWhenSomethingIsPublished(t *testing.T) {
	w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.State, r.Answers = uint8(truetime.Unsynchronized), false })
	c := open(t, w.path)
	changed := c.Changed()
	require.Equal(t, changed, c.Changed(), "the same until something is published")
	select {
	case <-changed:
		t.Fatal("nothing has been published")
	default:
	}
	w.write(nil)
	<-changed
	require.NoError(t, c.WaitSynchronized(t.Context(), time.Second))

	w.write(func(r *record) { r.State, r.Answers = uint8(truetime.Unsynchronized), false })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := c.WaitSynchronized(ended, time.Second)
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.ErrorIs(t, err, context.Canceled)
	require.Error(t, c.WaitSynchronized(t.Context(), 0))

	changed = c.Changed()
	require.NoError(t, c.Close())
	<-changed
	require.ErrorIs(t, c.WaitSynchronized(t.Context(), time.Second), truetime.ErrClosed)
	select {
	case <-c.Changed():
		t.Fatal("nothing is published after Close")
	default:
	}
}

// Who waits is told of a publication of this process's own clock that was made before the waiting began: that clock
// publishes every second, and the wait ends before it does again, unless the machine is so busy that this takes a second.
func TestNoPublicationOfAFallbackIsMissed(t *testing.T) {
	c := open(t, newWriter(t, clockPath(t), nil).path)
	own := startClock(t)
	c.divert(own)
	defer c.own.Store(nil)
	for range 10 {
		seen, published, changed := c.publication(c.view.Load()), own.Changed(), make(chan struct{})
		<-published
		next := own.Changed()
		c.awaitChange(seen, published, changed)
		<-changed
		select {
		case <-next:
		default:
			return
		}
	}
	t.Fatal("it waited for the next publication each time")
}

// Without a daemon the process polls for itself, and ends that when there is one.
func TestAFallbackIsUsedWhileThereIsNoDaemon(t *testing.T) {
	path := clockPath(t)
	sources := []truetime.Source{wallclocksource.Source{}}
	c := open(t, path, WithFallback(sources, truetime.WithPoll(time.Second, time.Second)))
	require.NoError(t, c.WaitSynchronized(t.Context(), time.Second))
	s := c.Status()
	require.True(t, s.UsesOwn)
	require.Equal(t, truetime.Synchronized, s.State)
	require.Equal(t, Missing, s.Daemon)
	require.Contains(t, s.Summary(), "polling for itself")

	// A daemon comes.
	w := newWriter(t, path, nil)
	look(c)
	c.chooseClock()
	require.False(t, c.Status().UsesOwn)
	look(c)
	requireTrue(t, c)
	require.Nil(t, c.Status().Own)

	// It dies: what it has said holds until it has been silent for long.
	w.write(func(r *record) { r.at -= int64(patience) / 2 })
	c.chooseClock()
	require.Nil(t, c.Status().Own)
	requireTrue(t, c)
	w.write(func(r *record) { r.at -= int64(patience) })
	for !c.Status().UsesOwn {
		c.chooseClock()
	}
	i, err := c.Now()
	require.NoError(t, err)
	require.InDelta(t, float64(time.Now().UnixNano()), float64(i.Latest), float64(time.Minute), "the wall clock's time, not the daemon's")
	require.Equal(t, Silent, c.Status().Daemon)

	// And comes back.
	w.write(nil)
	c.chooseClock()
	look(c)
	requireTrue(t, c)

	_, err = Open(path, WithFallback(nil))
	require.ErrorContains(t, err, "without a source")
	_, err = Open(path+"2", WithFallback([]truetime.Source{nil}))
	require.ErrorContains(t, err, "no clock is published")
	require.ErrorContains(t, err, "source 1 is nil")
}

// The hypervisor's marker says nothing about a clock of this process's own.
func TestAFallbackAnswersWhateverTheMarkerIs(t *testing.T) {
	fallback := WithFallback([]truetime.Source{wallclocksource.Source{}}, truetime.WithPoll(time.Second, time.Second))
	vm, setMarker := vmPage(t, 5)
	t.Run("without a segment", func(t *testing.T) {
		c := open(t, clockPath(t), WithVMClock(vm), fallback)
		require.Eventually(t, func() bool { _, err := c.Now(); return err == nil }, time.Minute, time.Millisecond)
	})
	t.Run("with a dead daemon's", func(t *testing.T) {
		w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.VM, r.Marker = true, 5; r.at -= int64(patience) })
		c := open(t, w.path, WithVMClock(vm), fallback)
		for !c.Status().UsesOwn {
			c.chooseClock()
		}
		setMarker(6)
		look(c)
		_, err := c.Now()
		require.NoError(t, err)
		_, err = c.NowTAI()
		require.NoError(t, err)
	})
}

// Who has begun to ask the clock of this process's own when it is given up is answered by the host's: nobody is told that
// the clock has been closed, which is final.
func TestAFallbackThatIsGivenUpMeanwhileIsNotTakenForAClosedClock(t *testing.T) {
	c := open(t, newWriter(t, clockPath(t), nil).path)
	own := startClock(t)
	c.divert(own)
	require.NoError(t, own.Close())
	requireTrue(t, c)
}

// Now is called too often to make garbage.
func TestNowAllocatesNothing(t *testing.T) {
	w := newWriter(t, clockPath(t), nil)
	c := open(t, w.path)
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = c.Now() }))
}
