package testbed

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const (
	// startLimit bounds Start and Restart. An honest daemon is ready after about 20 ms and a liar
	// after about 0.4 s; the rest is for a machine that is busy.
	startLimit = 90 * time.Second
	// retryPause is the time between two questions to a daemon that is not ready yet.
	retryPause = 5 * time.Millisecond
)

// errDied is why a daemon did not become ready: it ended by itself.
var errDied = errors.New("the daemon died")

// Chronyd is one chronyd on a loopback UDP port. It never touches the system clock.
type Chronyd struct {
	t           testing.TB
	path        string
	directory   string
	port        int
	directives  []string
	environment []string             // added to that of the test
	ready       func(exchange) error // says why the daemon, by this reply, is not ready yet
	process     *process             // nil while stopped
}

// StartChronyd starts an honest server: it serves CLOCK_REALTIME at stratum 1, and claims no error
// but its precision.
func StartChronyd(t testing.TB) *Chronyd {
	t.Helper()
	return launch(t, []string{serveHostClock}, nil, exchange.usable)
}

// serveHostClock is the directive of a server that follows nobody.
const serveHostClock = "local stratum 1"

// launch starts a chronyd with these directives, and these variables added to its environment, on
// a port of its own and waits until it is ready.
func launch(t testing.TB, directives, environment []string, ready func(exchange) error) *Chronyd {
	t.Helper()
	RequireBinary(t, "chronyd")
	path, err := findBinary("chronyd")
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	c := &Chronyd{t: t, path: path, directory: t.TempDir(), port: holdUDP(t), directives: directives, environment: environment, ready: ready}
	t.Cleanup(c.Stop)
	if err := c.start(); err != nil {
		t.Fatalf("testbed: start chronyd: %v", err)
	}
	return c
}

// Address returns the server's "127.0.0.1:port". It is the same after a Restart.
func (c *Chronyd) Address() string { return loopback(c.port).String() }

// PID returns the daemon's process id. The daemon must be running.
func (c *Chronyd) PID() int { return c.process.pid() }

// Stop ends the daemon; questions to it are then refused. It does nothing when the daemon is
// stopped already. It fails the test if the daemon had died before, because what the test saw since
// then was not what it thinks.
func (c *Chronyd) Stop() {
	c.t.Helper()
	if c.process == nil {
		return
	}
	if c.process.exited() {
		c.t.Errorf("testbed: chronyd at %s died before it was stopped: %s", c.Address(), c.process.output())
	}
	c.process.stop(stopLimit)
	c.process = nil
}

// Restart starts the daemon again, after stopping it if need be, on the same port and with nothing
// remembered, and waits until it is ready.
func (c *Chronyd) Restart() {
	c.t.Helper()
	c.Stop()
	if err := c.start(); err != nil {
		c.t.Fatalf("testbed: restart chronyd at %s: %v", c.Address(), err)
	}
}

// start runs the daemon once and waits until it is ready. After an error nothing is running.
func (c *Chronyd) start() error {
	run, err := startProcess(filepath.Join(c.directory, "chronyd.output"), c.environment, c.path, c.arguments()...)
	if err != nil {
		return err
	}
	if err := waitReady(run, c.Address(), c.ready, time.Now().Add(startLimit)); err != nil {
		run.stop(stopLimit)
		return fmt.Errorf("%w; it was run as %s", err, run.output())
	}
	c.process = run
	return nil
}

// arguments returns the whole configuration; chronyd reads no file when directives are given.
func (c *Chronyd) arguments() []string {
	return append([]string{
		"-x", // never touch the system clock
		"-d", // stay in the foreground and log to stderr
		// Root must stay root, because the user chronyd prefers cannot write into our directory;
		// and another user is let in by -U, as -x needs no privilege.
		"-U", "-u", "root",
		"port " + strconv.Itoa(c.port),
		"bindaddress 127.0.0.1",
		"allow 127.0.0.1",
		"cmdport 0",
		// Without this chronyd takes over /run/chrony/chronyd.sock, and the chronyc of a host whose
		// own chronyd runs would talk to ours.
		"bindcmdaddress /",
		"pidfile " + filepath.Join(c.directory, "chronyd.pid"),
	}, c.directives...)
}
