package daemon

import (
	"fmt"

	"github.com/epsilontime/epsilon/clockbound"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
)

// openClockBound begins to write the segment for ClockBound's own clients, if that is wanted. What it writes
// follows the clock in use, whichever that is.
func (d *Daemon) openClockBound(c *config.Config) (err error) {
	if c.ClockBound == nil {
		return nil
	}
	options := []clockbound.PublisherOption{clockbound.WithMaxSlew(c.ClockBound.MaxSlewPPM), clockbound.WithDrift(c.DriftPPM)}
	if c.ClockBound.Period != 0 {
		options = append(options, clockbound.WithPeriod(c.ClockBound.Period))
	}
	if c.ClockBound.LongestPause != nil {
		options = append(options, clockbound.WithLongestPause(*c.ClockBound.LongestPause))
	}
	if d.clockbound, err = clockbound.NewPublisher(d, c.ClockBound.Path, options...); err != nil {
		return fmt.Errorf("[clockbound]: %w", err)
	}
	return nil
}

// watchClockBound says in the log when clients begin to be told that nothing is known, why, and when that is over. That the clock
// has no answer it says itself.
func (d *Daemon) watchClockBound() {
	if d.clockbound == nil {
		return
	}
	s := d.clockbound.Status()
	_, clock := d.status()
	why := ""
	if s.Err != nil && clock.Err == nil {
		why = s.Err.Error()
	}
	switch was := d.clockboundFailure; {
	case why == was:
		return
	case why != "":
		d.log.Error("ClockBound's clients are told that nothing is known", "segment", s.Path, "err", why)
	default:
		d.log.Info("ClockBound's clients have bounds again", "segment", s.Path)
	}
	d.clockboundFailure = why
}

// clockBoundReport returns what there is to know about the segment, nil if there is none.
func (d *Daemon) clockBoundReport() *api.ClockBound {
	if d.clockbound == nil {
		return nil
	}
	s := d.clockbound.Status()
	r := &api.ClockBound{Segment: s.Path, Bound: s.Bound, Writes: s.Writes, Steps: s.Steps}
	if s.Err != nil {
		r.Err = s.Err.Error()
	}
	return r
}
