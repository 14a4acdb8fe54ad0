package daemon

import (
	"log/slog"
	"net"
	"path/filepath"
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
	first, err := d.start(c)
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
