package daemon

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	epsilonprom "github.com/epsilontime/epsilon/integrations/prometheus"
	"github.com/epsilontime/epsilon/internal/metrics"
)

// metrics answers Prometheus.
func (d *Daemon) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	clock := metrics.NewClockReader(d, d.budget)
	registry.MustRegister(
		epsilonprom.NewDaemonCollector(func(to metrics.Sink) {
			clock.Collect(to)
			d.collect(to)
		}),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 5 * time.Second})
}

// budget is what ε is to stay below: above ready.within the daemon is not ready, and above max_uncertainty whoever asks is refused, which no other metric shows for as
// long as it lasts.
func (d *Daemon) budget() time.Duration {
	if refused := d.current.Load().config.MaxUncertainty; refused > 0 {
		return min(d.ReadyWithin(), refused)
	}
	return d.ReadyWithin()
}

// collect gives what there is to know besides the clock.
func (d *Daemon) collect(to metrics.Sink) {
	r := d.Report().Daemon
	metrics.CollectDaemon(to, r.Version, r.Ready)
	if r.Segment != "" {
		d.mu.Lock()
		count, age := d.segment.count(), d.segment.age()
		d.mu.Unlock()
		metrics.CollectSegment(to, count, age)
	}
	if n := r.NTP; n != nil {
		outcomes := map[string]uint64{"answered": n.Answered, "unsynchronized": n.Unsynchronized, "kissed": n.Kissed}
		for reason, count := range n.Dropped {
			outcomes["dropped: "+reason] = count
		}
		metrics.CollectNTP(to, outcomes)
	}
	if f := r.Fleet; f != nil {
		contradicts := map[string]bool{}
		for _, peer := range f.Peers {
			contradicts[peer] = false
		}
		for _, peer := range f.Contradicts {
			contradicts[peer] = true
		}
		metrics.CollectFleet(to, metrics.Fleet{
			Machines: f.Machines, FaultyMax: f.Faulty, Contradicts: contradicts, Convicted: f.Convicted, TooMany: f.TooMany,
			Probes: map[string]uint64{"answered": f.Probes.Answered, "lost": f.Probes.Lost, "refused": f.Probes.Refused},
		})
	}
}
