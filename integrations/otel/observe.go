package epsilonotel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/hostclock"
	"github.com/epsilontime/epsilon/internal/metrics"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// Clock is what is observed: a [truetime.Clock].
type Clock interface {
	Now() (truetime.Interval, error)
	Status() truetime.Status
	Peak(window time.Duration) (peak time.Duration, bounded bool)
	Distribution() truetime.Distribution
}

// An Option changes what [Observe] shows.
type Option func(*options)

type options struct{ budget func() time.Duration }

// WithBudget shows what ε is to stay below as epsilon.uncertainty.budget: above 0.
func WithBudget(d time.Duration) Option {
	if d <= 0 {
		panic(fmt.Sprintf("epsilonotel: a budget of %v: it must be above 0", d))
	}
	return func(o *options) { o.budget = func() time.Duration { return d } }
}

// Observe shows a clock until the registration is undone. The peak of ε is the largest since the last collection, and in
// the last two minutes at least.
func Observe(meter metric.Meter, clock Clock, opts ...Option) (metric.Registration, error) {
	var o options
	for _, option := range opts {
		if option == nil {
			return nil, errors.New("epsilonotel: an option is nil")
		}
		option(&o)
	}
	return observe(meter, metrics.NewClockReader(clock, o.budget).Collect)
}

// ObserveHostClock shows a clock that a daemon publishes for the processes of its host.
func ObserveHostClock(meter metric.Meter, clock *hostclock.Clock) (metric.Registration, error) {
	return observe(meter, func(to metrics.Sink) { metrics.CollectHostClock(to, clock.Status()) })
}

// ObserveWaiter shows what a Waiter does, under a name that tells it from others of the process.
func ObserveWaiter(meter metric.Meter, name string, w *commitwait.Waiter) (metric.Registration, error) {
	return observe(meter, func(to metrics.Sink) { metrics.CollectWaiter(to, name, w.Stats()) })
}

// ObserveLease shows a lease under its name: the one that held returns, nil while none is held.
func ObserveLease(meter metric.Meter, name string, held func() *lease.Lease) (metric.Registration, error) {
	return observe(meter, func(to metrics.Sink) { metrics.CollectLease(to, name, held()) })
}

// observe makes an instrument of each metric, and has collect asked for all values at once.
func observe(meter metric.Meter, collect func(metrics.Sink)) (metric.Registration, error) {
	instruments := map[*metrics.Metric]metric.Float64Observable{}
	var all []metric.Observable
	for _, m := range metrics.All {
		if m.Kind == metrics.Histogram {
			continue
		}
		var made metric.Float64Observable
		var err error
		if m.Kind == metrics.Counter {
			made, err = meter.Float64ObservableCounter(m.Name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit))
		} else {
			made, err = meter.Float64ObservableGauge(m.Name, metric.WithDescription(m.Help), metric.WithUnit(m.Unit))
		}
		if err != nil {
			return nil, fmt.Errorf("epsilonotel: %s: %w", m.Name, err)
		}
		instruments[m], all = made, append(all, made)
	}
	return meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		collect(sink{to, instruments})
		return nil
	}, all...)
}

type sink struct {
	to          metric.Observer
	instruments map[*metrics.Metric]metric.Float64Observable
}

func (s sink) Value(m *metrics.Metric, value float64, labels ...string) {
	attributes := make([]attribute.KeyValue, len(labels))
	for i, text := range labels {
		// Names need not be UTF-8, and one that is not would lose the whole export: https://protobuf.dev/programming-guides/proto3/#scalar.
		attributes[i] = attribute.String(m.Labels[i], strings.ToValidUTF8(text, "\ufffd"))
	}
	s.to.ObserveFloat64(s.instruments[m], value, metric.WithAttributes(attributes...))
}

func (sink) Distribution(*metrics.Metric, metrics.Distribution, ...string) {}
