package epsilonotel_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonotel "github.com/epsilontime/epsilon/integrations/otel"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock answers as a Manual does, and has two sources.
type clock struct{ *truetimetest.Manual }

func (c clock) Status() truetime.Status {
	i, err := c.Now()
	return truetime.Status{State: truetime.Synchronized, Err: err, Interval: i, Uncertainty: i.Uncertainty(),
		Budget: truetime.Budget{Delay: i.Uncertainty()}, DriftPPM: 200, Voters: 2, Refusals: truetime.Refusals{NotSynchronized: 3},
		Sources: []truetime.SourceStatus{{Name: "a", Interval: i, Stratum: 2, Delay: time.Millisecond}, {Name: "b", Verdict: truetime.Falseticker}}}
}

func (clock) Peak(time.Duration) (time.Duration, bool) { return 4 * time.Millisecond, true }
func (clock) Distribution() (d truetime.Distribution)  { d.Counts = []uint64{0}; return d }
func (c clock) collect(t *testing.T, set func(metric.Meter)) map[string]map[attribute.Distinct]metricdata.DataPoint[float64] {
	t.Helper()
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
	set(provider.Meter("test"))
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	found := map[string]map[attribute.Distinct]metricdata.DataPoint[float64]{}
	for _, m := range data.ScopeMetrics[0].Metrics {
		points := map[attribute.Distinct]metricdata.DataPoint[float64]{}
		var all []metricdata.DataPoint[float64]
		switch d := m.Data.(type) {
		case metricdata.Gauge[float64]:
			all = d.DataPoints
		case metricdata.Sum[float64]:
			require.True(t, d.IsMonotonic, m.Name)
			all = d.DataPoints
		}
		require.NotEmpty(t, m.Description, m.Name)
		for _, p := range all {
			points[p.Attributes.Equivalent()] = p
		}
		found[m.Name] = points
	}
	return found
}

func with(attributes ...attribute.KeyValue) attribute.Distinct {
	set := attribute.NewSet(attributes...)
	return set.Equivalent()
}

func TestWhatAClockSaysIsObserved(t *testing.T) {
	c := clock{truetimetest.NewManual(truetime.FromStd(time.Now()), time.Millisecond)}
	found := c.collect(t, func(m metric.Meter) {
		_, err := epsilonotel.Observe(m, c, epsilonotel.WithBudget(5*time.Millisecond))
		require.NoError(t, err)
	})
	for name, want := range map[string]float64{
		"epsilon.synchronized": 1, "epsilon.uncertainty": 0.001, "epsilon.uncertainty.peak": 0.004, "epsilon.uncertainty.budget": 0.005,
		"epsilon.drift_bound": 0.0002, "epsilon.voters": 2,
	} {
		require.Equal(t, want, found[name][with()].Value, name)
	}
	require.Equal(t, 0.001, found["epsilon.uncertainty.part"][with(attribute.String("part", "delay"))].Value)
	require.Equal(t, 3.0, found["epsilon.refusals"][with(attribute.String("reason", "not_synchronized"))].Value)
	require.Equal(t, 2.0, found["epsilon.source.stratum"][with(attribute.String("source", "a"))].Value)
	require.Len(t, found["epsilon.source.delay"], 1, "b has not answered")
	require.Equal(t, 1.0, found["epsilon.source.verdict"][with(attribute.String("source", "b"), attribute.String("verdict", "falseticker"))].Value)

	c.Refuse(truetime.ErrNotSynchronized)
	found = c.collect(t, func(m metric.Meter) {
		_, err := epsilonotel.Observe(m, c)
		require.NoError(t, err)
	})
	require.Equal(t, math.Inf(1), found["epsilon.uncertainty"][with()].Value)
	require.Empty(t, found["epsilon.uncertainty.part"])
	require.Empty(t, found["epsilon.uncertainty.budget"])
}

func TestWhatStandsOnAClockIsObserved(t *testing.T) {
	c := clock{truetimetest.NewManual(truetime.FromStd(time.Now()), time.Millisecond)}
	waiter, err := commitwait.NewWaiter(c)
	require.NoError(t, err)
	defer waiter.Close()
	now, err := c.Now()
	require.NoError(t, err)
	require.NoError(t, waiter.Until(t.Context(), now.Earliest.Add(-1)))
	found := c.collect(t, func(m metric.Meter) {
		_, err := epsilonotel.ObserveWaiter(m, "commits", waiter)
		require.NoError(t, err)
		_, err = epsilonotel.ObserveLease(m, "ledger", func() *lease.Lease { return nil })
		require.NoError(t, err)
	})
	commits := attribute.String("waiter", "commits")
	require.Equal(t, 1.0, found["epsilon.commit_wait.waits"][with(commits, attribute.String("result", "passed"))].Value)
	require.Equal(t, 1.0, found["epsilon.lease.state"][with(attribute.String("lease", "ledger"), attribute.String("state", "none"))].Value)
}

// An exporter encodes strings in protobuf, which refuses those that are not UTF-8, and with one all others.
func TestNamesThatAreNotTextAreMadeText(t *testing.T) {
	c := clock{truetimetest.NewManual(truetime.FromStd(time.Now()), time.Millisecond)}
	found := c.collect(t, func(m metric.Meter) {
		_, err := epsilonotel.ObserveLease(m, "led\xffger", func() *lease.Lease { return nil })
		require.NoError(t, err)
	})
	require.Contains(t, found["epsilon.lease.state"], with(attribute.String("lease", "led\ufffdger"), attribute.String("state", "none")))
}

// refusing is a meter that makes no counter.
type refusing struct{ noop.Meter }

func (refusing) Float64ObservableCounter(string, ...metric.Float64ObservableCounterOption) (metric.Float64ObservableCounter, error) {
	return nil, errors.New("full")
}

func TestAMeterThatRefusesIsReported(t *testing.T) {
	_, err := epsilonotel.Observe(refusing{}, clock{truetimetest.NewManual(1<<60, 1)})
	require.EqualError(t, err, "epsilonotel: epsilon.refusals: full")
	require.PanicsWithValue(t, "epsilonotel: a budget of -1s: it must be above 0", func() { epsilonotel.WithBudget(-time.Second) })
	_, err = epsilonotel.Observe(noop.Meter{}, clock{truetimetest.NewManual(1<<60, 1)}, nil)
	require.EqualError(t, err, "epsilonotel: an option is nil")
}
