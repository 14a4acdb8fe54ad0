package daemon

import (
	"fmt"

	"github.com/epsilontime/epsilon/clockbound"
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
	if d.clockbound, err = clockbound.NewPublisher(d, c.ClockBound.Path, options...); err != nil {
		return fmt.Errorf("[clockbound]: %w", err)
	}
	return nil
}
