package testbed

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPrometheusAnswersWithWhatItHasScraped(t *testing.T) {
	RequireBinary(t, "prometheus")
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "bound{end=\"lower\"} -1.5\nbound{end=\"upper\"} +Inf\n")
	}))
	t.Cleanup(exporter.Close)
	p := StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 100ms, scrape_timeout: 100ms}
scrape_configs:
  - job_name: test
    static_configs: [{targets: [%q], labels: {instance: here}}]
`, strings.TrimPrefix(exporter.URL, "http://")))

	var raw []Series
	require.Eventually(t, func() bool {
		var err error
		raw, err = p.Query(`sort(bound)`)
		require.NoError(t, err)
		return len(raw) == 2
	}, startLimit, 20*time.Millisecond)
	require.Equal(t, map[string]string{"__name__": "bound", "end": "lower", "instance": "here", "job": "test"}, raw[0].Labels)
	require.Equal(t, -1.5, raw[0].Samples[0].Value)
	require.True(t, math.IsInf(raw[1].Samples[0].Value, 1))

	scraped, err := p.Query(`bound{end="lower"}[1h]`)
	require.NoError(t, err)
	first := scraped[0].Samples[0].At
	graph, err := p.QueryRange(`bound{end="lower"}`, first.Add(-time.Second), first.Add(time.Second), 500*time.Millisecond)
	require.NoError(t, err)
	require.Len(t, graph, 1)
	require.Equal(t, first, graph[0].Samples[0].At, "it begins with the first sample, to the millisecond")

	_, err = p.Query(`bound{`)
	require.ErrorContains(t, err, "parse error")
}
