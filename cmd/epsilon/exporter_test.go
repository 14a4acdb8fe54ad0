package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// The machines of the fleet that is exported. Each is at a path of its own, and c is wrong.
var exportedMachines = []string{"a", "b", "c"}

// startExporter serves the metrics of machines, at /a and so on, as docs/metrics.md describes them: all of
// them, with values that go together. Each scrape finds the counters risen.
func startExporter(t testing.TB) *httptest.Server {
	var scrapes atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		scrape := scrapes.Add(1)
		writeMetrics(w, strings.TrimPrefix(r.URL.Path, "/"), scrape)
		writeMetricsOfPrograms(w, scrape)
	}))
	t.Cleanup(server.Close)
	return server
}

func writeMetrics(w io.Writer, machine string, scrape int64) {
	gauge := func(value any, series string, args ...any) {
		fmt.Fprintf(w, "%s %v\n", fmt.Sprintf(series, args...), value)
	}
	counter := func(perScrape int64, series string, args ...any) {
		fmt.Fprintf(w, "%s %d\n", fmt.Sprintf(series, args...), perScrape*scrape)
	}
	gauge(1, "epsilon_synchronized")
	gauge(0.004, "epsilon_uncertainty_seconds")
	gauge(0.007, "epsilon_uncertainty_peak_seconds")
	gauge(0.01, "epsilon_uncertainty_budget_seconds")
	for part, size := range map[string]float64{"delay": 0.001, "claim": 0.0005, "drift": 0.002, "leap": 0, "pause": 0, "disagreement": 0.0005} {
		gauge(size, "epsilon_uncertainty_part_seconds{part=%q}", part)
	}
	for i, bound := range []string{"0.001", "0.0025", "0.005", "0.01", "+Inf"} {
		counter([]int64{1, 4, 12, 15, 15}[i], "epsilon_uncertainty_distribution_seconds_bucket{le=%q}", bound)
	}
	gauge(0.055*float64(scrape), "epsilon_uncertainty_distribution_seconds_sum")
	counter(15, "epsilon_uncertainty_distribution_seconds_count")
	gauge(0.0002, "epsilon_drift_bound_ratio")
	for _, reason := range []string{"not_synchronized", "uncertainty_too_large", "clock_faulty"} {
		counter(1, "epsilon_refusals_total{reason=%q}", reason)
	}
	for _, kind := range []string{"counter", "pause", "contradiction", "identity", "leap_seconds"} {
		counter(1, "epsilon_disruptions_total{kind=%q}", kind)
	}
	gauge(4, "epsilon_voters")
	gauge(4, "epsilon_voters_heard")
	gauge(3, "epsilon_voters_answering")
	gauge(1, "epsilon_voters_faulty_max")
	gauge(1.8e9, "epsilon_leap_table_expiry_timestamp_seconds")
	gauge(-0.003, "epsilon_system_clock_offset_lower_seconds")
	gauge(0.005, "epsilon_system_clock_offset_upper_seconds")

	for i, verdict := range []string{"truechimer", "truechimer", "falseticker", "silent"} {
		source := fmt.Sprintf("s%d.example:123", i+1)
		gauge(1, "epsilon_source_verdict{source=%q,verdict=%q}", source, verdict)
		gauge(-0.006+float64(i)/100, "epsilon_source_offset_lower_seconds{source=%q}", source)
		gauge(0.007+float64(i)/100, "epsilon_source_offset_upper_seconds{source=%q}", source)
		gauge(0.002, "epsilon_source_delay_seconds{source=%q}", source)
		gauge(0.0015, "epsilon_source_root_distance_seconds{source=%q}", source)
		gauge(7.5, "epsilon_source_age_seconds{source=%q}", source)
		gauge(2, "epsilon_source_stratum{source=%q}", source)
		gauge(16, "epsilon_source_poll_interval_seconds{source=%q}", source)
		counter(1, "epsilon_source_polls_total{source=%q}", source)
		for _, reason := range []string{"no_answer", "unusable", "slow_down", "denied", "retracted"} {
			counter(1, "epsilon_source_errors_total{source=%q,reason=%q}", source, reason)
		}
	}

	gauge(1, "epsilon_build_info{version=%q}", "1.0.0")
	gauge(1, "epsilon_daemon_ready")
	counter(15, "epsilon_segment_publications_total")
	gauge(0.4, "epsilon_segment_age_seconds")
	for _, outcome := range []string{"answered", "rate_limited"} {
		counter(10, "epsilon_ntp_requests_total{outcome=%q}", outcome)
	}

	gauge(len(exportedMachines), "epsilon_fleet_machines")
	gauge(1, "epsilon_fleet_faulty_max")
	for _, peer := range exportedMachines {
		if peer == machine {
			continue
		}
		edge := 0
		if peer == "c" || machine == "c" {
			edge = 1
		}
		gauge(edge, "epsilon_fleet_contradicts{peer=%q}", peer)
	}
	gauge(1, "epsilon_fleet_convicted{machine=%q}", "c")
	gauge(0, "epsilon_fleet_too_many")
	for _, result := range []string{"answered", "lost", "refused"} {
		counter(1, "epsilon_fleet_probes_total{result=%q}", result)
	}
}

// writeMetricsOfPrograms writes what is none of the daemon, but of programs that wait and hold leases.
func writeMetricsOfPrograms(w io.Writer, scrape int64) {
	fmt.Fprintf(w, `epsilon_segment_daemon{state="running"} 1
epsilon_commit_wait_waiting{waiter="commits"} 3
epsilon_commit_wait_waits_total{waiter="commits",result="passed"} %[1]d
epsilon_commit_wait_waits_total{waiter="commits",result="failed"} 0
epsilon_commit_wait_seconds_bucket{waiter="commits",le="0.01"} %[1]d
epsilon_commit_wait_seconds_bucket{waiter="commits",le="+Inf"} %[1]d
epsilon_lease_state{lease="leader",state="held"} 1
epsilon_lease_expiry_timestamp_seconds{lease="leader"} 1.8e9
epsilon_lease_token{lease="leader"} 7
epsilon_lease_renewal_failures{lease="leader"} 0
`, 100*scrape)
}
