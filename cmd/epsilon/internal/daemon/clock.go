package daemon

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// generation is a clock and the configuration that it was made from.
type generation struct {
	clock  *truetime.Clock
	config *config.Config
	flight *truetime.FlightRecorder // of the clock's last minutes
	feed   *feed                    // of the clock's events
}

// flightSpan is how much of the past can be replayed after something has gone wrong.
const flightSpan = 10 * time.Minute

// start makes a clock, whose events are for the time being those of a place.
func (d *Daemon) start(c *config.Config, is place) (*generation, error) {
	var sources []truetime.Source
	for _, s := range c.Sources {
		if s.UsesPort {
			if err := d.openPort(); err != nil {
				return nil, err
			}
		}
		sources = append(sources, s.Make(d.port)...)
	}
	flight := truetime.NewFlightRecorder(flightSpan)
	feed := &feed{log: d.log, events: &d.events, is: is}
	options := append(c.Options(), truetime.WithFlightRecorder(flight), truetime.WithEvents(feed.take))
	clock, err := truetime.New(sources, options...)
	if err != nil {
		return nil, err
	}
	return &generation{clock, c, flight, feed}, nil
}

// openPort opens the port that all ptp sources share. It takes privileges that the daemon may have given
// up later, so it stays open.
func (d *Daemon) openPort() error {
	if d.port != nil {
		return nil
	}
	port, err := ptpsrc.NewPort()
	if err != nil {
		return fmt.Errorf("the ptp sources: %w", err)
	}
	d.port = port
	return nil
}

// answers reports whether the clock has an answer with an ε of at most within.
func (g *generation) answers(within time.Duration) bool {
	i, err := g.clock.Now()
	return err == nil && i.Uncertainty() <= within
}
