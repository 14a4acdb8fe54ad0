package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/internal/statuspage"
	"github.com/epsilontime/epsilon/truetime"
)

// The daemon answers what the API asks: it is an [api.Host].
var _ api.Host = (*Daemon)(nil)

// Report returns what there is to know.
func (d *Daemon) Report() api.Report {
	g, status := d.status()
	within := d.ReadyWithin()
	r := api.Report{
		Daemon: api.Daemon{
			Version:     d.options.Version,
			PID:         os.Getpid(),
			Uptime:      time.Since(d.started),
			Config:      g.config.File,
			Demo:        g.config.Demo,
			Notes:       g.config.Notes,
			ReadyWithin: within,
			Reloads:     int(d.reloads.Load()),
			DriftPPM:    g.config.DriftPPM,
			HTTP:        d.page.urls(),
			NTP:         d.ntp.report(),
			ClockBound:  d.clockBoundReport(),
			Fleet:       d.fleet.summary(),
		},
		Clock: status,
	}
	if why := d.pending.Load(); why != nil {
		r.Daemon.Pending = *why
	}
	d.mu.Lock()
	r.Daemon.Segment, r.Daemon.Publications = d.segment.path, d.segment.count()
	d.mu.Unlock()
	r.Daemon.Ready = r.Clock.Err == nil && r.Clock.Uncertainty <= within
	return r
}

// inUse asks the clock in use. One that is closed just then has been replaced, and so the next one is asked.
func (d *Daemon) inUse(ask func(*generation) error) {
	for {
		g := d.current.Load()
		if err := ask(g); !errors.Is(err, truetime.ErrClosed) || d.current.Load() == g {
			return
		}
	}
}

// status returns a report on the clock in use.
func (d *Daemon) status() (g *generation, s truetime.Status) {
	d.inUse(func(current *generation) error {
		g, s = current, current.clock.Status()
		return s.Err
	})
	return g, s
}

// Reading returns what the clock answers.
func (d *Daemon) Reading() api.Reading {
	g, s := d.status()
	r := api.Reading{State: s.State, Epoch: s.Epoch, Demo: g.config.Demo}
	if s.Err != nil {
		r.Err = s.Err.Error()
		return r
	}
	r.Interval, r.Uncertainty = s.Interval, s.Uncertainty
	return r
}

// Seconds returns ε of the seconds since there were so many.
func (d *Daemon) Seconds(since int) api.History { return d.history.Since(since) }

// ReadyWithin is the ε up to which the daemon is ready.
func (d *Daemon) ReadyWithin() time.Duration { return time.Duration(d.within.Load()) }

// Subscribe returns the last events and those from now on.
func (d *Daemon) Subscribe() (recent []statuspage.Event, events <-chan statuspage.Event, cancel func()) {
	return d.events.Subscribe()
}

// Status returns a report on the clock in use.
func (d *Daemon) Status() truetime.Status {
	_, s := d.status()
	return s
}

// Wait waits until ε is at most within, whichever clock answers meanwhile.
func (d *Daemon) Wait(ctx context.Context, within time.Duration) api.Readiness {
	for {
		current, changed, switched := d.watch()
		if r := api.ReadinessOf(current.clock, within); r.Ready {
			return r
		}
		select {
		case <-changed:
		case <-switched:
		case <-ctx.Done():
			return notReady(d.Status(), within) // of the one in use by now: that one may have been replaced, and closed
		}
	}
}

func notReady(s truetime.Status, within time.Duration) api.Readiness {
	if s.Err != nil {
		reason := s.Err.Error()
		if summary := s.Summary(); summary != "" {
			reason += ": " + summary
		}
		return api.Readiness{Within: within, Reason: reason}
	}
	if s.Uncertainty <= within { // since a moment ago
		return api.Readiness{Ready: true, Within: within, Uncertainty: s.Uncertainty}
	}
	return api.Readiness{Within: within, Uncertainty: s.Uncertainty,
		Reason: fmt.Sprintf("ε is %v and was to be at most %v", s.Uncertainty, within)}
}
