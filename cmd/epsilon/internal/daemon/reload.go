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

// Reload reads the configuration again. It returns what is wrong with it, and then the old one stays. A
// clock that has to be replaced goes on answering until the new one can: see the package's documentation.
func (d *Daemon) Reload() (r api.Reloaded, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return r, errStopping
	case d.options.Load == nil:
		return r, errNoReload
	}
	err = d.supervisor.reloading(func() error {
		c, err := d.reloadLocked()
		if err == nil {
			r.Restart = d.noteFixed(c)
		}
		return err
	})
	return r, err
}

func (d *Daemon) reloadLocked() (*config.Config, error) {
	c, err := d.options.Load()
	if err != nil {
		return nil, err
	}
	current := d.current.Load()
	if started := d.options.Config; c.DriftPPM > started.DriftPPM && (started.NTP != nil || started.ClockBound != nil) {
		return nil, fmt.Errorf("drift_ppm = %v is above the %v that [ntp] and [clockbound] were started with, and what they say would be wrong: restart the daemon",
			c.DriftPPM, started.DriftPPM)
	}
	if d.abandon != nil { // whatever was on its way is out of date
		d.abandon()
		d.abandon = nil
	}
	if c.SameClock(current.config) {
		d.useLocked(&generation{current.clock, c, current.flight})
		d.log.Info("a new configuration is in use; the clock stays", "config", c.File)
		return c, nil
	}
	next, err := d.start(c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.abandon = cancel
	d.setPending("its clock has just been started")
	d.log.Info("a new configuration has been read; its clock starts beside the old one", "config", c.File)
	d.waiting.Go(func() { d.takeOver(ctx, next) })
	return c, nil
}

// noteFixed says what a reload cannot change.
func (d *Daemon) noteFixed(c *config.Config) []string {
	fixed := d.options.Config.Fixed(c)
	for _, name := range fixed {
		d.log.Warn("a change of " + name + " takes a restart of the daemon")
	}
	return fixed
}

// complainEvery is how often it is logged that a new configuration does not lead to an answer.
const complainEvery = time.Minute

// takeOver waits until a new clock answers well enough, and puts it in the place of the old one.
func (d *Daemon) takeOver(ctx context.Context, next *generation) {
	for complain := time.NewTicker(complainEvery); ; {
		changed := next.clock.Changed()
		if d.mayTakeOver(next) {
			complain.Stop()
			break
		}
		d.setPending(describe(next.clock))
		select {
		case <-changed:
		case <-complain.C:
			d.log.Warn("the new configuration is not in use yet; the old one answers", "reason", describe(next.clock))
		case <-ctx.Done():
			complain.Stop()
			_ = next.clock.Close()
			return
		}
	}
	d.mu.Lock()
	if ctx.Err() != nil {
		d.mu.Unlock()
		_ = next.clock.Close()
		return
	}
	old := d.current.Load()
	d.abandon = nil
	d.useLocked(next)
	d.mu.Unlock()
	d.log.Info("the clock of the new configuration answers from now on", "uncertainty", uncertainty(next.clock))
	_ = old.clock.Close()
}

// mayTakeOver reports whether a new clock answers well enough: as well as is asked of the daemon, or as
// the old one does.
func (d *Daemon) mayTakeOver(next *generation) bool {
	i, err := next.clock.Now()
	if err != nil {
		return false
	}
	old, err := d.current.Load().clock.Now()
	return err != nil || i.Uncertainty() <= max(next.config.ReadyWithin, old.Uncertainty())
}

// useLocked makes a generation the one that answers.
func (d *Daemon) useLocked(g *generation) {
	before := d.current.Swap(g)
	if before.clock != g.clock {
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
