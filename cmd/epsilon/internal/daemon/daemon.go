package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/clockbound"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/internal/statuspage"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// Options is what a daemon is started with.
type Options struct {
	Version string
	Config  *config.Config
	Socket  string           // where to listen
	Segment string           // where to publish the clock for other processes; empty for nowhere
	HTTP    []netip.AddrPort // where to serve the status page; nil for where the configuration says

	// Load reads the configuration anew, for a reload. Nil where there is none to read.
	Load func() (*config.Config, error)

	Log   *slog.Logger
	Level *slog.LevelVar // of Log
}

// Daemon is a running one.
type Daemon struct {
	options           Options
	log               *slog.Logger
	started           time.Time
	port              *ptpsrc.Port // of the ptp sources; nil until there is one
	ntp               ntp
	fleet             fleetNode
	segment           segment
	clockbound        *clockbound.Publisher // nil if there is none
	clockboundFailure string                // what the log has been told of it
	events            statuspage.Events
	history           statuspage.History
	page              page

	current atomic.Pointer[generation] // the one that answers
	retired []retired                  // those that answered before it, in turn; mu guards them
	within  atomic.Int64               // ready.within, in nanoseconds
	reloads atomic.Int64
	pending atomic.Pointer[string] // why a newer configuration is not in use yet

	supervisor *supervisor
	reloading  sync.Mutex // one reload at a time

	mu       sync.Mutex         // of what follows; not held while a file is read or systemd is told
	abandon  context.CancelFunc // stops waiting for it
	switched chan struct{}      // closed and replaced when another generation answers
	closed   bool
	waiting  sync.WaitGroup
}

// Run runs a daemon until ctx ends. Started, if it is not nil, is called once it listens. Reload is
// signalled through the channel.
func Run(ctx context.Context, options Options, started func(*Daemon), reload <-chan os.Signal) error {
	d := &Daemon{options: options, log: options.Log, started: time.Now(), supervisor: newSupervisor(),
		switched: make(chan struct{}), segment: segment{path: options.Segment}}
	d.within.Store(int64(options.Config.ReadyWithin))
	user, err := findUser(options.Config.User)
	if err != nil {
		return err
	}
	listener, err := api.Listen(options.Socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	if user != nil {
		if err := user.own(listener.Files(), d.segment.files()); err != nil {
			return err
		}
	}
	defer d.close()
	first, err := d.start(options.Config, inUse)
	if err != nil {
		return err
	}
	d.current.Store(first)
	if err := d.openNTP(options.Config); err != nil {
		return err
	}
	if err := d.openClockBound(options.Config); err != nil {
		return err
	}
	if err := d.openPage(options.Config); err != nil {
		return err
	}
	if err := d.openFleet(options.Config); err != nil {
		return err
	}
	if err := user.become(); err != nil {
		return err
	}
	if err := d.segment.follow(first.clock); err != nil {
		return err
	}
	d.log.Info("the daemon has started", "version", options.Version, "pid", os.Getpid(), "config", options.Config.File, "socket", options.Socket, "segment", options.Segment,
		"sources", len(first.clock.Status().Sources), "counter", first.clock.Status().Counter)
	for _, note := range options.Config.Notes {
		d.log.Info(note)
	}

	server := api.NewServer(d)
	served := make(chan error, 3)
	d.serveNTP(served)
	d.servePage(served)
	d.runFleet()
	go func() {
		if err := server.Serve(listener); err != nil {
			served <- fmt.Errorf("the socket %s: %w", options.Socket, err)
		}
	}()
	if started != nil {
		started(d)
	}
	err = d.run(ctx, served, reload)
	d.supervisor.stopping()
	d.log.Info("the daemon stops")
	return errors.Join(err, server.Close())
}

// run follows the publications of the clock that answers, until ctx ends.
func (d *Daemon) run(ctx context.Context, served <-chan error, reload <-chan os.Signal) error {
	keeping, stop := context.WithCancel(ctx)
	var keepers sync.WaitGroup
	keepers.Go(func() { d.history.Keep(keeping, d) })
	defer keepers.Wait()
	defer stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var seen <-chan struct{} // what the publication before last has closed
	for {
		current, changed, switched := d.watch()
		if seen == nil && current.answers(d.ReadyWithin()) || seen != nil && changed != seen {
			d.published(current)
		}
		seen = changed
		select {
		case <-ctx.Done():
			return nil
		case err := <-served:
			return err
		case <-changed:
		case <-switched:
		case <-second.C:
			d.mendSegment()
			d.watchClockBound()
			d.watchFleet()
		case <-reload:
			go d.reloadBySignal() // a file that cannot be read to its end must not keep the daemon from stopping
		}
	}
}

// watch returns the generation that answers, what is closed at its next publication, and what is closed
// when another takes over.
func (d *Daemon) watch() (current *generation, changed, switched <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	current = d.current.Load()
	return current, current.clock.Changed(), d.switched
}

func (d *Daemon) published(g *generation) {
	ready := g.answers(d.ReadyWithin())
	if ready {
		d.ntp.renew()
	}
	if d.supervisor.published(time.Now(), ready, d.segmentGrown, func() string { return describe(g.clock) }) {
		d.log.Info("the daemon is ready", "uncertainty", uncertainty(g.clock), "within", d.ReadyWithin())
	}
}

func (d *Daemon) segmentGrown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.segment.grown()
}

// describe says how a clock is, in one line for systemctl status.
func describe(c *truetime.Clock) string {
	s := c.Status()
	if s.Err != nil {
		return fmt.Sprintf("%v: %s", s.State, s.Summary())
	}
	return fmt.Sprintf("%v, ε is %v, %d of %d voters heard", s.State, s.Uncertainty.Round(time.Microsecond), s.Heard, s.Voters)
}

// uncertainty is ε, 0 where there is no answer.
func uncertainty(c *truetime.Clock) time.Duration {
	i, err := c.Now()
	if err != nil {
		return 0
	}
	return i.Uncertainty()
}

// close ends whatever runs.
func (d *Daemon) close() {
	d.mu.Lock()
	d.closed = true
	if d.abandon != nil {
		d.abandon()
	}
	d.mu.Unlock()
	d.waiting.Wait()
	d.page.close()
	d.fleet.close()
	d.ntp.close()
	if d.clockbound != nil {
		_ = d.clockbound.Close()
	}
	d.mu.Lock()
	d.segment.close()
	d.mu.Unlock()
	if g := d.current.Load(); g != nil {
		_ = g.clock.Close()
	}
	if d.port != nil {
		_ = d.port.Close()
	}
}
