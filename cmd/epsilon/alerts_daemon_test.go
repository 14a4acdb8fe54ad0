package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
)

// A daemon that has just started, with three servers that answer, gives no alert a reason to begin to count. The cases
// of the rules say so of metrics that were made up: this is what they really are.
func TestAlertsFindNothingWrongWithADaemonThatIsWell(t *testing.T) {
	testbed.RequireBinary(t, "prometheus")
	path := configOf(t)
	rewrite(t, path, "[ready]\nwithin = \"1h\"\n[http]\nlisten = [\"127.0.0.1:0\"]\n", ntpServer(t), ntpServer(t), ntpServer(t))
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)
	require.Eventually(t, func() bool { return s.report(t).Clock.Answering == 3 }, 20*time.Second, 20*time.Millisecond)
	at, err := url.Parse(s.report(t).Daemon.HTTP[0])
	require.NoError(t, err)
	rules, err := filepath.Abs(filepath.Join(deploy, alertsFile))
	require.NoError(t, err)
	p := testbed.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: epsilon
    static_configs: [{targets: [%q]}]
`, rules, at.Host))
	require.Eventually(t, func() bool { // rates want two
		found, err := p.Query(`count_over_time(epsilon_segment_publications_total[1m]) >= 3`)
		require.NoError(t, err)
		return len(found) == 1
	}, time.Minute, 50*time.Millisecond)
	for _, a := range deployedAlerts(t) {
		found, err := p.Query(a.Expr)
		require.NoError(t, err, a.Alert)
		switch {
		case a.Alert == "EpsilonLeapTableExpiring": // true or not, by the day and by this host's tzdata
		case a.Alert == "EpsilonUnbounded" && a.Labels.Severity == "warning": // true for the first two minutes, as there was no answer at the start
		default:
			require.Empty(t, found, "%s (%s)", a.Alert, a.Labels.Severity)
		}
	}
}
