package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// documentedMetric is a row of docs/metrics.md.
type documentedMetric struct {
	kind   string
	daemon bool     // the daemon exports it, and not a program that uses its clock
	labels []string // sorted
}

func documentedMetrics(t testing.TB) map[string]documentedMetric {
	t.Helper()
	all := map[string]documentedMetric{}
	daemon := false
	for line := range strings.Lines(document(t, "metrics.md")) {
		if title, found := strings.CutPrefix(line, "## "); found {
			daemon = strings.TrimSpace(title) != "What stands on the clock"
		}
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `epsilon_") {
			continue
		}
		require.Len(t, cells, 6, line)
		name := strings.Trim(cells[1], " `")
		require.NotContains(t, all, name, "it is documented twice")
		m := documentedMetric{kind: strings.TrimSpace(cells[2]), daemon: daemon && name != "epsilon_segment_daemon"}
		require.Contains(t, []string{"gauge", "counter", "histogram"}, m.kind, line)
		for label := range strings.SplitSeq(cells[3], ",") {
			if label = strings.Trim(label, " `"); label != "" {
				m.labels = append(m.labels, label)
			}
		}
		slices.Sort(m.labels)
		all[name] = m
	}
	require.NotEmpty(t, all)
	return all
}

var (
	metricName = regexp.MustCompile(`\bepsilon_[a-z_]+`)
	ofCounts   = regexp.MustCompile(`_(bucket|sum|count)$`) // what a histogram is made of
)

// metricOf returns what a series of that name is documented as.
func metricOf(name string) string {
	if histogram := ofCounts.ReplaceAllString(name, ""); strings.HasSuffix(histogram, "_seconds") {
		return histogram
	}
	return name
}

// What alerts and dashboard ask for is documented.
func TestMetricsInUseAreDocumented(t *testing.T) {
	documented := documentedMetrics(t)
	uses := map[string]string{}
	for _, a := range deployedAlerts(t) {
		uses[a.Alert] = a.Expr
	}
	for _, q := range deployedDashboard(t).queries() {
		uses[q.where] = q.Expr
	}
	for where, expression := range uses {
		for _, name := range metricName.FindAllString(expression, -1) {
			require.Contains(t, documented, metricOf(name), "docs/metrics.md says nothing of what %s asks for", where)
		}
	}
}

var exportedLabel = regexp.MustCompile(`([a-z_]+)="`)

// The exporter of these tests exports what is documented of the daemon, neither more nor less, with those labels.
func TestExporterOfTheTestsIsAsDocumented(t *testing.T) {
	var text bytes.Buffer
	writeMetrics(&text, "a", 1)
	requireAsDocumented(t, text.String())
}

// And so does the daemon.
func TestDaemonsMetricsAreAsDocumented(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte(strings.Repeat("5a", 32)+"\n"), 0o600))
	path := configOf(t)
	more := fmt.Sprintf(`
[http]
listen = ["127.0.0.1:0"]
[ntp]
scale = "smeared"
listen = ["127.0.0.1:0"]
[fleet]
name = "a"
listen = ["127.0.0.1:0"]
peers = ["127.0.0.1:9"]
key_file = %q
`, key)
	rewrite(t, path, more, ntpServer(t), ntpServer(t), ntpServer(t))
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)
	require.Eventually(t, func() bool { return s.report(t).Clock.Heard == 3 }, 20*time.Second, 20*time.Millisecond)
	r, err := http.Get(s.report(t).Daemon.HTTP[0] + "metrics")
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	requireAsDocumented(t, string(text), "epsilon_fleet_contradicts", "epsilon_fleet_convicted") // of which there are none
}

// requireAsDocumented looks for all that is documented of the daemon, but for what may be absent.
func requireAsDocumented(t testing.TB, text string, absent ...string) {
	t.Helper()
	documented, exported := documentedMetrics(t), map[string]bool{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "epsilon_") {
			continue
		}
		name := metricName.FindString(line)
		exported[metricOf(name)] = true
		var labels []string
		for _, label := range exportedLabel.FindAllStringSubmatch(line, -1) {
			labels = append(labels, label[1])
		}
		slices.Sort(labels)
		m := documented[metricOf(name)]
		if m.kind == "histogram" && !strings.HasSuffix(name, "_bucket") {
			continue
		}
		require.Equal(t, m.labels, labels, line)
	}
	for name, m := range documented {
		require.True(t, m.daemon || !exported[name], "%s is none of the daemon", name)
		require.True(t, exported[name] == m.daemon || slices.Contains(absent, name), "%s is not exported", name)
	}
	for name := range exported {
		require.Contains(t, documented, name)
	}
}
