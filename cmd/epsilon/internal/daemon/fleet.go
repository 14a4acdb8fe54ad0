package daemon

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/node"
	"github.com/epsilontime/epsilon/truetime"
)

// fleetNode compares the clock with those of other machines. The zero value compares it with nobody's.
type fleetNode struct {
	node    *node.Node
	stop    context.CancelFunc
	running sync.WaitGroup
	told    map[string]string // problems that the log has been told of, by their ID

	clock       *truetime.Clock // that was in use when it was last looked at
	disruptions truetime.Disruptions
}

// openFleet opens the sockets.
func (d *Daemon) openFleet(c *config.Config) (err error) {
	if c.Fleet == nil {
		return nil
	}
	f := c.Fleet
	listen := f.Listen
	if listen == nil {
		listen = node.Everywhere()
	}
	d.fleet.node, err = node.New(node.Config{Reader: d, Name: f.Name, Listen: listen, Peers: f.Peers, List: f.List, Key: f.Key, Faulty: f.Faulty, Interval: f.Interval})
	if err != nil {
		return fmt.Errorf("[fleet]: %w", err)
	}
	return nil
}

// runFleet compares clocks until the daemon is closed.
func (d *Daemon) runFleet() {
	if d.fleet.node == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.fleet.stop = cancel
	d.fleet.running.Go(func() { d.fleet.node.Run(ctx) })
	d.log.Info("the clock is compared with those of other machines", "name", d.options.Config.Fleet.Name, "at", d.fleet.node.Addr())
}

// watchFleet says in the log what somebody should know or do, when that begins and when it is over.
func (d *Daemon) watchFleet() {
	if d.fleet.node == nil {
		return
	}
	if g, s := d.status(); d.fleet.disrupted(g.clock, s.Disruptions) {
		d.fleet.node.Disrupted()
	}
	now := map[string]string{}
	for _, p := range d.fleet.node.View().Problems {
		now[p.ID] = p.Text
		if _, told := d.fleet.told[p.ID]; told {
			continue
		}
		if p.IsProof() {
			d.log.Error("fleet: " + p.Text)
		} else {
			d.log.Warn("fleet: " + p.Text)
		}
	}
	for id, text := range d.fleet.told {
		if _, lasts := now[id]; !lasts {
			d.log.Info("fleet: over: " + text)
		}
	}
	d.fleet.told = now
}

// disrupted reports whether the host may have been suspended or restored since this was last asked: Go's clock, by which the age of a proof is counted, may have
// stood still then. Epochs that have ended for another reason change no age.
func (f *fleetNode) disrupted(clock *truetime.Clock, now truetime.Disruptions) bool {
	var before truetime.Disruptions
	if f.clock == clock {
		before = f.disruptions
	}
	f.clock, f.disruptions = clock, now
	return now.Counter != before.Counter || now.Pause != before.Pause
}

func (f *fleetNode) close() {
	switch {
	case f.stop != nil:
		f.stop()
		f.running.Wait()
	case f.node != nil:
		f.node.Close()
	}
}

// Fleet returns what is known of the fleet, nil if the daemon is in none.
func (d *Daemon) Fleet() *api.Fleet { return d.fleet.report() }

func (f *fleetNode) report() *api.Fleet {
	if f.node == nil {
		return nil
	}
	c := f.node.Counters()
	r := &api.Fleet{View: f.node.View(), Listen: []string{}, Probes: api.Probes{Answered: c.Answered, Lost: c.Lost, Refused: c.Refused},
		Requests: api.Requests{Received: c.Received, Answered: c.Replied, Dropped: c.Dropped}}
	for _, at := range f.node.Addr() {
		r.Listen = append(r.Listen, at.String())
	}
	return r
}

func (f *fleetNode) summary() *api.FleetSummary {
	r := f.report()
	if r == nil {
		return nil
	}
	s := &api.FleetSummary{Name: r.Name, Entry: r.Entry, Listen: r.Listen, Machines: r.Machines, Faulty: r.Faulty, Peers: []string{}, Contradicts: []string{},
		Convicted: fleet.Verdict{Convicted: r.Convicted}.Names(), TooMany: r.TooMany, Problems: r.Problems, Probes: r.Probes}
	for _, p := range r.Peers {
		if p.Self || p.SameAs != "" {
			continue
		}
		s.Peers = append(s.Peers, p.Entry)
		if p.Contradicts {
			s.Contradicts = append(s.Contradicts, p.Entry)
		}
	}
	slices.Sort(s.Peers)
	slices.Sort(s.Contradicts)
	s.Wrong = len(r.Alone) > 0 || slices.Contains(s.Convicted, r.Entry)
	return s
}
