package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
)

var (
	errNoReload = errors.New("the demonstration has no configuration that could be read again")
	errStopping = errors.New("the daemon stops")
)

// Reload reads the configuration again. It returns what of it takes a restart, or what is wrong with it, and
// then the old one stays. A clock that has to be replaced goes on answering until the new one can: see the
// package's documentation.
func (d *Daemon) Reload() (r api.Reloaded, err error) {
	d.reloading.Lock() // and not mu: files may take long to read, and the supervisor to be told
	defer d.reloading.Unlock()
	if d.options.Load == nil {
		return r, errNoReload
	}
	err = d.supervisor.reloading(func() error {
		c, err := d.options.Load()
		if err != nil {
			return err
		}
		r.Restart, err = d.reload(c)
		return err
	})
	return r, err
}

func (d *Daemon) reloadBySignal() {
	if _, err := d.Reload(); err != nil {
		d.log.Error("the new configuration is not used, the old one stays", "err", oneLine(err))
	}
}

func (d *Daemon) reload(c *config.Config) (restart []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errStopping
	}
	started := d.options.Config
	if c.DriftPPM > started.DriftPPM && (started.NTP != nil || started.ClockBound != nil) {
		return nil, fmt.Errorf("drift_ppm = %v is above the %v that [ntp] and [clockbound] were started with, and what they say would be wrong: restart the daemon",
			c.DriftPPM, started.DriftPPM)
	}
	current := d.current.Load()
	next := &generation{current.clock, c, current.flight, current.feed}
	stays := c.SameClock(current.config)
	if !stays {
		if next, err = d.start(c, newConfiguration); err != nil {
			return nil, err
		}
	}
	restart = started.Fixed(c)
	for _, name := range restart {
		d.log.Warn("a change of " + name + " takes a restart of the daemon")
	}
	if d.abandon != nil { // whatever was on its way is out of date
		d.abandon()
		d.abandon = nil
	}
	if stays {
		d.useLocked(next)
		d.log.Info("a new configuration is in use; the clock stays", "config", c.File)
		return restart, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.abandon = cancel
	d.setPending("its clock has just been started")
	d.log.Info("a new configuration has been read; its clock starts beside the old one", "config", c.File)
	d.waiting.Go(func() { d.takeOver(ctx, next) })
	return restart, nil
}

// takeOver waits until a new clock answers well enough, and puts it in the place of the old one.
func (d *Daemon) takeOver(ctx context.Context, next *generation) {
	begun := time.Now()
	complain := time.NewTicker(patience)
	defer complain.Stop()
	for {
		changed := next.clock.Changed()
		if d.tryTakeOver(ctx, next, time.Since(begun)) {
			return
		}
		select {
		case <-changed:
		case <-time.After(lookAgain): // the old one may have become wider, or the minute be over
		case <-complain.C:
			d.log.Warn("the new configuration is not in use yet; the old one answers", "reason", describe(next.clock))
		case <-ctx.Done():
		}
	}
}

// tryTakeOver puts a new clock in the place of the old one if it answers well enough by now, and closes the one
// that is of no use any more. It reports whether that is over: also because another configuration has been read,
// or the daemon stops.
func (d *Daemon) tryTakeOver(ctx context.Context, next *generation, waited time.Duration) (over bool) {
	why := describe(next.clock)
	d.mu.Lock()
	if ctx.Err() != nil {
		d.mu.Unlock()
		_ = next.clock.Close()
		return true
	}
	old := d.current.Load()
	if !mayTakeOver(next, old, waited) {
		d.setPending(why)
		d.mu.Unlock()
		return false
	}
	d.abandon = nil
	d.useLocked(next)
	d.mu.Unlock()
	d.log.Info("the clock of the new configuration answers from now on", "uncertainty", uncertainty(next.clock))
	_ = old.clock.Close()
	return true
}

const (
	// patience is how long a new clock has to become as narrow as the old one, and how often it is logged that
	// a new configuration does not lead to an answer.
	patience  = time.Minute
	lookAgain = time.Second
)

func mayTakeOver(next, old *generation, waited time.Duration) bool {
	i, err := next.clock.Now()
	if err != nil {
		return false
	}
	before, err := old.clock.Now()
	return err != nil || narrowEnough(i.Uncertainty(), before.Uncertainty(), next.config.ReadyWithin, waited)
}

// narrowEnough reports whether a new clock, that has had so much time, answers well enough to take the place of
// an old one that answers: no more than twice as wide, or after a minute as well as is asked of the daemon.
func narrowEnough(next, old, within, waited time.Duration) bool {
	return next <= 2*old || waited >= patience && next <= within
}

// useLocked makes a generation the one that answers.
func (d *Daemon) useLocked(g *generation) {
	before := d.current.Swap(g)
	if before.clock != g.clock {
		d.retireLocked(before.clock)
		before.feed.retire()
		g.feed.use(g.clock)
		if err := d.segment.follow(g.clock); err != nil { // it is tried again every second
			d.log.Error("the clock is not published to other processes", "segment", d.segment.path, "err", err)
		}
	}
	d.within.Store(int64(g.config.ReadyWithin))
	d.options.Level.Set(g.config.LogLevel)
	d.pending.Store(nil)
	d.reloads.Add(1)
	close(d.switched)
	d.switched = make(chan struct{})
}

func (d *Daemon) setPending(why string) { d.pending.Store(&why) }

// oneLine is an error as a log has it.
func oneLine(err error) string {
	var e *config.Error
	if errors.As(err, &e) {
		return e.OneLine()
	}
	return fmt.Sprint(err)
}
