package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/statuspage"
	"github.com/epsilontime/epsilon/internal/webserver"
	"github.com/epsilontime/epsilon/truetime"
)

// page shows the clock in a browser: the page of "epsilon serve --http".
type page struct {
	statuspage.Events
	history  statuspage.History
	clock    *truetime.Clock
	driftPPM float64
	started  time.Time

	server  *webserver.Server
	running sync.WaitGroup
}

// openPage listens at an address. Its Publish is for the clock's events, and [page.show] has it answer.
func openPage(at netip.AddrPort, driftPPM float64) (*page, error) {
	listeners, err := webserver.Listen([]netip.AddrPort{at})
	if err != nil {
		return nil, fmt.Errorf("-http: %w", err)
	}
	p := &page{driftPPM: driftPPM, started: time.Now()}
	p.server = webserver.New(listeners, statuspage.Handler(p))
	return p, nil
}

// show shows a clock until ctx ends.
func (p *page) show(ctx context.Context, clock *truetime.Clock) {
	p.clock = clock
	p.running.Go(func() { p.history.Keep(ctx, clock) })
	p.running.Go(func() { _ = p.server.Serve() }) // what could be wrong with a listener is known by now
}

func (p *page) close() {
	_ = p.server.Close()
	p.running.Wait()
}

// Page returns what there is to show.
func (p *page) Page() statuspage.Report {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	return statuspage.Report{
		Daemon: statuspage.Daemon{Program: "Quickstart", Host: host, Uptime: time.Since(p.started), DriftPPM: p.driftPPM},
		Clock:  p.clock.Status(),
	}
}

// Seconds returns ε of the seconds since there were so many.
func (p *page) Seconds(since int) statuspage.Seconds { return p.history.Since(since) }
