package daemon

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/truetime"
)

func TestANewClockTakesOverWhenItIsNarrowEnough(t *testing.T) {
	const within = 100 * time.Millisecond
	for _, c := range []struct {
		next, old, waited time.Duration
		enough            bool
	}{
		{200 * time.Microsecond, 100 * time.Microsecond, 0, true},
		{201 * time.Microsecond, 100 * time.Microsecond, 0, false},
		{60 * time.Millisecond, 100 * time.Microsecond, time.Second, false},
		{60 * time.Millisecond, 100 * time.Microsecond, time.Minute, true},
		{101 * time.Millisecond, 100 * time.Microsecond, time.Hour, false},
		{101 * time.Millisecond, 60 * time.Millisecond, 0, true},
	} {
		require.Equal(t, c.enough, narrowEnough(c.next, c.old, within, c.waited), c)
	}
}

// A daemon that reads a file which does not end, or tells a supervisor who does not listen, still answers.
func TestAReloadThatIsStuckStopsNothingElse(t *testing.T) {
	stuck, reading := make(chan struct{}), make(chan struct{})
	c, err := config.Parse("f", []byte("[[source]]\nserver = \"127.0.0.1:9\"\n"))
	require.NoError(t, err)
	d := &Daemon{log: slog.New(slog.DiscardHandler), supervisor: &supervisor{}, switched: make(chan struct{}), started: time.Now(),
		options: Options{Config: c, Level: new(slog.LevelVar), Load: func() (*config.Config, error) {
			close(reading)
			<-stuck
			return c, nil
		}}}
	first, err := d.start(c, inUse)
	require.NoError(t, err)
	d.current.Store(first)
	ended := make(chan error, 1)
	go func() {
		_, err := d.Reload()
		ended <- err
	}()
	<-reading
	reported := make(chan struct{})
	go func() {
		d.Report()
		d.close()
		close(reported)
	}()
	select {
	case <-reported:
	case <-time.After(10 * time.Second):
		t.Error("the daemon neither reports nor stops")
	}
	close(stuck)
	require.ErrorIs(t, <-ended, errStopping)
}

func TestASupervisorThatDoesNotListenIsGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	defer l.Close()
	s := &supervisor{socket: path}
	ended := make(chan struct{})
	go func() {
		for began := time.Now(); time.Since(began) < maxNotify/2; { // until the queue is full, and once more
			began = time.Now()
			s.notify("STATUS=x")
		}
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it is told for ever")
	}
}

// Whoever looked up the clock in use just before it was replaced asks the one that is in use by now.
func TestAClockThatHasBeenReplacedIsNotAsked(t *testing.T) {
	d, old, next := &Daemon{}, new(generation), new(generation)
	d.current.Store(old)
	var asked []*generation
	ask := func(g *generation) error {
		if asked = append(asked, g); g == old {
			d.current.Store(next) // the old one is closed after this
			return truetime.ErrClosed
		}
		return nil
	}
	d.inUse(ask)
	require.Len(t, asked, 2)
	require.Same(t, next, asked[1])

	stays := 0
	d.inUse(func(*generation) error { stays++; return truetime.ErrClosed })
	require.Equal(t, 1, stays, "a daemon that has ended has no other clock")
}

// moment is a context that has ended, and in which something happens just before anybody learns of it.
type moment struct {
	context.Context
	happens func()
}

func (m moment) Done() <-chan struct{} { m.happens(); return m.Context.Done() }

// Whoever asks whether the daemon is ready while a clock takes over is told of the new one, not that the old one is closed.
func TestReadinessAtATakeoverIsThatOfTheNewClock(t *testing.T) {
	c, err := config.Parse("f", []byte("[[source]]\nserver = \"127.0.0.1:9\"\n"))
	require.NoError(t, err)
	d := &Daemon{log: slog.New(slog.DiscardHandler), switched: make(chan struct{})}
	old, err := d.start(c, inUse)
	require.NoError(t, err)
	next, err := d.start(c, newConfiguration)
	require.NoError(t, err)
	defer next.clock.Close()
	d.current.Store(old)
	require.NoError(t, old.clock.Close())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	r := d.Wait(moment{ended, func() { d.current.Store(next) }}, time.Millisecond)
	require.False(t, r.Ready)
	require.NotContains(t, r.Reason, "closed")
	require.Contains(t, r.Reason, truetime.ErrNotSynchronized.Error())
}

// A clock that is not in use is not spoken of as if it were: its events are in the log, with whose they are.
func TestEventsAreThoseOfTheClockInUse(t *testing.T) {
	c, err := config.Parse("f", []byte("[[source]]\nserver = \"127.0.0.1:9\"\n"))
	require.NoError(t, err)
	var log strings.Builder
	d := &Daemon{log: slog.New(slog.NewTextHandler(&log, nil)), switched: make(chan struct{}), options: Options{Level: new(slog.LevelVar)}}
	old, err := d.start(c, inUse)
	require.NoError(t, err)
	d.current.Store(old)
	next, err := d.start(c, newConfiguration)
	require.NoError(t, err)
	failed := func(source string) truetime.Event {
		return truetime.Event{Kind: truetime.EventLeapSeconds, Reason: source}
	}
	old.feed.take(failed("old 1"))
	next.feed.take(failed("new 1"))
	d.mu.Lock()
	d.useLocked(next)
	d.mu.Unlock()
	require.NoError(t, old.clock.Close())
	old.feed.take(failed("old 2"))
	next.feed.take(failed("new 2"))
	require.NoError(t, next.clock.Close())

	recent, _, cancel := d.Subscribe()
	defer cancel()
	var seen []string
	for _, e := range recent {
		if e.Event.Kind != truetime.EventPollFailed && e.Event.Kind != truetime.EventVerdict {
			seen = append(seen, e.Event.String())
		}
	}
	require.Equal(t, []string{"old 1", "clock is unsynchronized (epoch 1)", "new 2", "clock is closed (epoch 1)"}, seen)
	require.Contains(t, log.String(), `msg="new 1" clock="new configuration"`)
	require.Contains(t, log.String(), `msg="clock is closed (epoch 1)" clock="old configuration"`)
	require.Contains(t, log.String(), `msg="old 2" clock="old configuration"`)
	require.NotContains(t, log.String(), `msg="new 2" clock=`)
}
