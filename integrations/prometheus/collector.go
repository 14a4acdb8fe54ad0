package epsilonprom

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/hostclock"
	"github.com/epsilontime/epsilon/internal/metrics"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// Clock is what a collector shows: a [truetime.Clock].
type Clock interface {
	Now() (truetime.Interval, error)
	Status() truetime.Status
	Peak(window time.Duration) (peak time.Duration, bounded bool)
	Distribution() truetime.Distribution
}

// An Option changes what [NewCollector] shows.
type Option func(*options)

type options struct{ budget func() time.Duration }

// WithBudget shows what ε is to stay below as epsilon_uncertainty_budget_seconds, for an alert that compares the two:
// above 0.
func WithBudget(d time.Duration) Option {
	if d <= 0 {
		panic(fmt.Sprintf("epsilonprom: a budget of %v: it must be above 0", d))
	}
	return func(o *options) { o.budget = func() time.Duration { return d } }
}

// NewCollector shows a clock. It panics if an option is nil.
//
// epsilon_uncertainty_peak_seconds is the largest ε since the last collection, and in the last two minutes at least: a
// sawtooth between two scrapes is not missed, nor by a second server that scrapes as well.
func NewCollector(clock Clock, opts ...Option) prometheus.Collector {
	var o options
	for _, option := range opts {
		if option == nil {
			panic("epsilonprom: an option of NewCollector is nil")
		}
		option(&o)
	}
	return collector(metrics.NewClockReader(clock, o.budget).Collect)
}

// NewHostClockCollector shows a clock that a daemon publishes for the processes of its host. The peak of ε, its
// distribution and the sources are known to the daemon alone, which shows them itself.
func NewHostClockCollector(clock *hostclock.Clock) prometheus.Collector {
	return collector(func(to metrics.Sink) { metrics.CollectHostClock(to, clock.Status()) })
}

// NewWaiterCollector shows what a Waiter does, under a name that tells it from others of the process.
func NewWaiterCollector(name string, w *commitwait.Waiter) prometheus.Collector {
	return collector(func(to metrics.Sink) { metrics.CollectWaiter(to, name, w.Stats()) })
}

// NewLeaseCollector shows a lease under its name: the one that held returns, nil while none is held.
func NewLeaseCollector(name string, held func() *lease.Lease) prometheus.Collector {
	return collector(func(to metrics.Sink) { metrics.CollectLease(to, name, held()) })
}

// NewDaemonCollector shows what the daemon gives: it is there for cmd/epsilon, as nothing outside this module can name its type.
func NewDaemonCollector(collect func(metrics.Sink)) prometheus.Collector { return collector(collect) }

// collector is unchecked, in the words of [prometheus.Collector]: which series there are depends on the clock.
type collector func(metrics.Sink)

func (collector) Describe(chan<- *prometheus.Desc) {}

func (c collector) Collect(to chan<- prometheus.Metric) { c(sink(to)) }

type sink chan<- prometheus.Metric

func desc(m *metrics.Metric) *prometheus.Desc {
	return prometheus.NewDesc(m.Prometheus(), m.Help, m.Labels, nil)
}

func (s sink) Value(m *metrics.Metric, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if m.Kind == metrics.Counter {
		kind = prometheus.CounterValue
	}
	s <- prometheus.MustNewConstMetric(desc(m), kind, value, readable(labels)...)
}

func (s sink) Distribution(m *metrics.Metric, d metrics.Distribution, labels ...string) {
	buckets, below := map[float64]uint64{}, uint64(0)
	for i, bound := range d.Bounds {
		below += d.Counts[i]
		buckets[bound] = below
	}
	s <- prometheus.MustNewConstHistogram(desc(m), below+d.Counts[len(d.Bounds)], d.Sum, buckets, readable(labels)...)
}

// readable makes label values of names that need not be UTF-8, as Prometheus demands.
func readable(labels []string) []string {
	for i, text := range labels {
		labels[i] = strings.ToValidUTF8(text, "�")
	}
	return labels
}
