package daemon

import (
	"context"
	"fmt"
	"sync"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/truetime"
)

// ntp is the server that tells other hosts the time. The zero value serves nobody.
type ntp struct {
	server  *ntpserver.Server
	stop    context.CancelFunc
	serving sync.WaitGroup
}

// openNTP opens the server's sockets, which may take privileges.
func (d *Daemon) openNTP(c *config.Config) error {
	if c.NTP == nil {
		return nil
	}
	listen := c.NTP.Listen
	if listen == nil {
		if listen = ntpserver.Everywhere(); len(listen) == 1 {
			d.log.Info("this host has no IPv6, so the NTP server listens by IPv4 alone")
		}
	}
	server, err := ntpserver.New(ntpserver.Config{
		Reader: d,
		Listen: listen,
		Upstream: func() ntpserver.Upstream {
			_, s := d.status()
			return ntpserver.UpstreamOf(s)
		},
		Limit:    c.NTP.Limit,
		Workers:  c.NTP.Workers,
		DriftPPM: c.DriftPPM,

		ProgramStamps: c.NTP.ProgramStamps,
	})
	if err != nil {
		return fmt.Errorf("[ntp]: %w", err)
	}
	d.ntp.server = server
	return nil
}

// serveNTP has the server answer until the daemon is closed. What ends it before is sent to failed.
func (d *Daemon) serveNTP(failed chan<- error) {
	if d.ntp.server == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.ntp.stop = cancel
	d.ntp.serving.Go(func() {
		if err := d.ntp.server.Serve(ctx); err != nil {
			failed <- fmt.Errorf("the NTP server: %w", err)
		}
	})
	d.log.Info("the NTP server listens", "at", d.ntp.server.Addr())
	d.log.Info("what it serves is UTC smeared from noon to noon around a leap second: every Epsilon that asks it has to be told scale = \"smeared\", and other clients must not mix it with servers that step")
}

func (n *ntp) close() {
	switch {
	case n.stop != nil:
		n.stop()
		n.serving.Wait()
	case n.server != nil:
		n.server.Close()
	}
}

// report says what the server has done; nil if there is none.
func (n *ntp) report() *api.NTP {
	if n.server == nil {
		return nil
	}
	c := n.server.Counters()
	r := &api.NTP{Received: c.Received, Answered: c.Answered, Unsynchronized: c.Unsynchronized, Kissed: c.Kissed, Dropped: map[string]uint64{}}
	for _, at := range n.server.Addr() {
		r.Listen = append(r.Listen, at.String())
	}
	for _, reason := range ntpserver.Reasons() {
		r.Dropped[reason.Label()] = c.Dropped[reason]
	}
	return r
}

// renew has the server find out at once that the clock answers.
func (n *ntp) renew() {
	if n.server != nil {
		n.server.Renew()
	}
}

// Now returns what the clock in use answers: a daemon is a [truetime.Reader].
func (d *Daemon) Now() (i truetime.Interval, err error) {
	d.inUse(func(g *generation) error {
		i, err = g.clock.Now()
		return err
	})
	return i, err
}
