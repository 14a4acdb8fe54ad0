package epsilonprom_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hostclock"
	epsilonprom "github.com/epsilontime/epsilon/integrations/prometheus"
)

func TestAHostsClockIsShownWithWhoPublishesIt(t *testing.T) {
	clock := startClock(t)
	path := filepath.Join(t.TempDir(), "clock")
	publisher, err := hostclock.NewPublisher(clock, path)
	require.NoError(t, err)
	reader, err := hostclock.Open(path)
	require.NoError(t, err)
	defer reader.Close()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(epsilonprom.NewHostClockCollector(reader))
	problems, err := testutil.GatherAndLint(r)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Equal(t, 1.0, value(t, r, "epsilon_segment_daemon", "running"))
	require.Positive(t, value(t, r, "epsilon_segment_publications_total"))
	require.Less(t, value(t, r, "epsilon_uncertainty_seconds"), 10.0)

	require.NoError(t, publisher.Close())
	require.Equal(t, 1.0, value(t, r, "epsilon_segment_daemon", "stopped"))
	require.False(t, math.IsInf(value(t, r, "epsilon_uncertainty_seconds"), 1), "what was published stays true")
}
