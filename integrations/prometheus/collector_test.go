package epsilonprom_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonprom "github.com/epsilontime/epsilon/integrations/prometheus"
	"github.com/epsilontime/epsilon/internal/metrics"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startClock asks four servers, of which one is wrong by a second.
func startClock(t testing.TB) *truetime.Clock {
	var sources []truetime.Source
	for i := range 4 {
		b := ntptest.Behavior{Dispersion: 100 * time.Microsecond}
		if i == 3 {
			b.Offset = time.Second
		}
		s, err := ntptest.Listen("127.0.0.1:0", b)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		sources = append(sources, ntpsrc.Server(s.Address(), ntpsrc.WithLocalReference()))
	}
	clock, err := truetime.New(sources, truetime.WithPoll(time.Second, time.Minute))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, clock.WaitSynchronized(ctx, 50*time.Millisecond))
	for clock.Status().Heard < 4 {
		select {
		case <-clock.Changed():
		case <-ctx.Done():
			t.Fatal(clock.Status())
		}
	}
	return clock
}

// everything registers every collector that there is but that of a host's clock.
func everything(t testing.TB, clock *truetime.Clock) *prometheus.Registry {
	waiter, err := commitwait.NewWaiter(clock)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, waiter.Close()) })
	_, err = waiter.Do(t.Context(), func(context.Context, truetime.Time) error { return nil })
	require.NoError(t, err)
	candidate, err := lease.NewCandidate(clock, &lease.MemoryStore{}, "ledger", time.Minute)
	require.NoError(t, err)
	held, err := candidate.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, held.Close()) })
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(
		epsilonprom.NewCollector(clock, epsilonprom.WithBudget(5*time.Millisecond)),
		epsilonprom.NewWaiterCollector("commits", waiter),
		epsilonprom.NewLeaseCollector("ledger", func() *lease.Lease { return held }),
	)
	return r
}

// value returns the value of the only series of a metric with these label values.
func value(t testing.TB, r prometheus.Gatherer, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	found := math.NaN()
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			for _, want := range labels {
				if !strings.Contains(strings.Join(values, "\n"), want) {
					continue series
				}
			}
			require.True(t, math.IsNaN(found), "several series of %s with %v", name, labels)
			found = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	require.False(t, math.IsNaN(found), "no %s with %v", name, labels)
	return found
}

func TestEveryMetricIsThereAsThePlanSays(t *testing.T) {
	clock := startClock(t)
	r := everything(t, clock)
	families, err := r.Gather()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, f := range families {
		seen[f.GetName()] = true
	}
	for _, m := range metrics.All {
		if !ofTheHost(m) {
			require.True(t, seen[m.Prometheus()], "%s is not shown", m.Prometheus())
		}
	}
	problems, err := testutil.GatherAndLint(r)
	require.NoError(t, err)
	require.Empty(t, problems)

	status := clock.Status()
	require.Equal(t, 1.0, value(t, r, "epsilon_synchronized"))
	require.InDelta(t, status.Uncertainty.Seconds(), value(t, r, "epsilon_uncertainty_seconds"), 0.1)
	require.Equal(t, 0.005, value(t, r, "epsilon_uncertainty_budget_seconds"))
	require.Equal(t, 0.0002, value(t, r, "epsilon_drift_bound_ratio"))
	require.Equal(t, 1.0, value(t, r, "epsilon_source_verdict", status.Sources[3].Name, "falseticker"))
	require.InDelta(t, 1, value(t, r, "epsilon_source_offset_lower_seconds", status.Sources[3].Name), 0.5)
	require.Positive(t, value(t, r, "epsilon_leap_table_expiry_timestamp_seconds"))
	lower, upper := value(t, r, "epsilon_system_clock_offset_lower_seconds"), value(t, r, "epsilon_system_clock_offset_upper_seconds")
	require.LessOrEqual(t, lower, 0.0, "the servers serve the system clock")
	require.GreaterOrEqual(t, upper, 0.0)
	require.Equal(t, 1.0, value(t, r, "epsilon_commit_wait_waits_total", "passed"))
	require.Equal(t, 1.0, value(t, r, "epsilon_lease_token", "ledger"))
	sum := 0.0
	for _, part := range []string{"delay", "claim", "drift", "leap", "pause", "disagreement"} {
		sum += value(t, r, "epsilon_uncertainty_part_seconds", part)
	}
	require.Positive(t, sum)
}

// ofTheHost reports whether a metric is one of the daemon, or of whoever reads what it publishes.
func ofTheHost(m *metrics.Metric) bool {
	for _, of := range []string{"segment", "build_info", "daemon", "ntp", "fleet"} {
		if strings.HasPrefix(m.Name, "epsilon."+of) {
			return true
		}
	}
	return false
}

// A collector that is asked by two sees to it that both learn of an outage between their visits.
func TestAnOutageIsSeenByEverybodyWhoCollects(t *testing.T) {
	clock := scripted{truetimetest.NewManual(truetime.FromStd(time.Now()), time.Millisecond)}
	r := prometheus.NewRegistry()
	r.MustRegister(epsilonprom.NewCollector(clock))
	for range 2 {
		require.Equal(t, math.Inf(1), value(t, r, "epsilon_uncertainty_peak_seconds"))
		require.Equal(t, 0.001, value(t, r, "epsilon_uncertainty_seconds"))
	}
}

// scripted has had a moment without an answer a minute ago.
type scripted struct{ *truetimetest.Manual }

func (s scripted) Status() truetime.Status {
	i, err := s.Now()
	return truetime.Status{State: truetime.Synchronized, Err: err, Interval: i, Uncertainty: i.Uncertainty(), Sources: []truetime.SourceStatus{{Name: "bad\xff\"\n"}}}
}

func (s scripted) Peak(window time.Duration) (time.Duration, bool) {
	return 2 * time.Millisecond, window < time.Minute
}

func (scripted) Distribution() truetime.Distribution {
	return truetime.Distribution{Bounds: []time.Duration{time.Millisecond}, Counts: []uint64{3, 2}, Sum: 2 * time.Millisecond}
}

func TestWithoutAnAnswerNothingIsShownAsKnown(t *testing.T) {
	clock := scripted{truetimetest.NewManual(truetime.FromStd(time.Now()), time.Millisecond)}
	clock.Refuse(truetime.ErrNotSynchronized)
	r := prometheus.NewRegistry()
	r.MustRegister(epsilonprom.NewCollector(clock))
	require.Equal(t, math.Inf(1), value(t, r, "epsilon_uncertainty_seconds"))
	require.Equal(t, 1.0, value(t, r, "epsilon_source_verdict", "bad\ufffd"))
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		require.NotContains(t, []string{"epsilon_uncertainty_part_seconds", "epsilon_system_clock_offset_lower_seconds"}, f.GetName())
		if f.GetName() == "epsilon_uncertainty_distribution_seconds" {
			require.EqualValues(t, 5, f.GetMetric()[0].GetHistogram().GetSampleCount())
			require.EqualValues(t, 3, f.GetMetric()[0].GetHistogram().GetBucket()[0].GetCumulativeCount())
		}
	}
	var text bytes.Buffer
	for _, f := range families {
		_, err := expfmt.MetricFamilyToText(&text, f)
		require.NoError(t, err)
	}
	problems, err := promlint.New(&text).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestNamesAreInTheManual(t *testing.T) {
	manual, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	for _, m := range metrics.All {
		require.Contains(t, string(manual), "`"+m.Prometheus()+"`", "docs/metrics.md")
	}
}

func TestAnOptionThatIsNilIsRefused(t *testing.T) {
	require.PanicsWithValue(t, "epsilonprom: an option of NewCollector is nil", func() { epsilonprom.NewCollector(nil, nil) })
}

func TestABudgetMustBeAboveZero(t *testing.T) {
	require.PanicsWithValue(t, "epsilonprom: a budget of 0s: it must be above 0", func() { epsilonprom.WithBudget(0) })
}
