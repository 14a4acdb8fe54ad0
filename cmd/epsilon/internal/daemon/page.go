package daemon

import (
	"fmt"
	"os"
	"sync"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/web"
	"github.com/epsilontime/epsilon/internal/statuspage"
	"github.com/epsilontime/epsilon/internal/webserver"
)

// page is the server of the status page. The zero value serves nobody.
type page struct {
	server  *webserver.Server
	serving sync.WaitGroup
}

// openPage opens the page's listeners, which may take privileges.
func (d *Daemon) openPage(c *config.Config) error {
	at := d.options.HTTP
	if at == nil {
		at = c.HTTP
	}
	if len(at) == 0 {
		return nil
	}
	listeners, err := webserver.Listen(at)
	if err != nil {
		return fmt.Errorf("the status page: %w", err)
	}
	d.page.server = webserver.New(listeners, web.Handler(d, d.metrics()))
	return nil
}

// servePage has the server answer until the daemon is closed. What ends it before is sent to failed.
func (d *Daemon) servePage(failed chan<- error) {
	if d.page.server == nil {
		return
	}
	d.page.serving.Go(func() {
		if err := d.page.server.Serve(); err != nil {
			failed <- fmt.Errorf("the HTTP server: %w", err)
		}
	})
	d.log.Info("the status page can be read by whoever reaches it, without a password", "at", d.page.server.URLs())
}

func (p *page) urls() []string {
	if p.server == nil {
		return nil
	}
	return p.server.URLs()
}

func (p *page) close() {
	if p.server != nil {
		_ = p.server.Close()
		p.serving.Wait()
	}
}

// Page returns what the status page shows.
func (d *Daemon) Page() statuspage.Report {
	r := d.Report()
	return statuspage.Report{Daemon: pageDaemon(r.Daemon), Clock: r.Clock, Fleet: web.FleetOf(d.Fleet())}
}

func pageDaemon(d api.Daemon) statuspage.Daemon {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	return statuspage.Daemon{
		Program: "Epsilon", Version: d.Version, Host: host, Uptime: d.Uptime, Ready: d.Ready, ReadyWithin: d.ReadyWithin,
		DriftPPM: d.DriftPPM, Notes: d.Notes, Pending: d.Pending,
	}
}
