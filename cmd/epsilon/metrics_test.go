package main

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documentedMetric is a row of docs/metrics.md.
type documentedMetric struct {
	kind   string
	labels []string // sorted
}

func documentedMetrics(t testing.TB) map[string]documentedMetric {
	t.Helper()
	all := map[string]documentedMetric{}
	for line := range strings.Lines(document(t, "metrics.md")) {
		cells := strings.Split(line, "|")
		if !strings.HasPrefix(line, "| `epsilon_") {
			continue
		}
		require.Len(t, cells, 6, line)
		name := strings.Trim(cells[1], " `")
		require.NotContains(t, all, name, "it is documented twice")
		m := documentedMetric{kind: strings.TrimSpace(cells[2])}
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
	if histogram := ofCounts.ReplaceAllString(name, ""); strings.Contains(histogram, "_distribution_") {
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

// The exporter of these tests exports what is documented, neither more nor less, with those labels.
func TestExporterOfTheTestsIsAsDocumented(t *testing.T) {
	documented, exported := documentedMetrics(t), map[string]bool{}
	var text bytes.Buffer
	writeMetrics(&text, "a", 1)
	for line := range strings.Lines(text.String()) {
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
	require.Equal(t, slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(exported)))
}
