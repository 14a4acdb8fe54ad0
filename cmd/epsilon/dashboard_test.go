package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
)

// dashboard is what of Grafana's JSON is looked at.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Annotations struct {
		List []struct{ Name, Expr string }
	}
	Panels []panel
}

type panel struct {
	ID          int
	Type, Title string
	Datasource  struct{ UID string }
	GridPos     struct{ X, Y, W, H int }
	Targets     []query
}

// query is what a panel asks for.
type query struct {
	RefID, Expr, LegendFormat string
	Instant                   bool
	Datasource                struct{ UID string }

	where string
}

func deployedDashboard(t testing.TB) (d dashboard) {
	t.Helper()
	require.NoError(t, json.Unmarshal(deployed(t, "grafana/epsilon.json"), &d))
	require.NotEmpty(t, d.Panels)
	return d
}

// queries returns those of all panels, and of the annotations.
func (d dashboard) queries() (all []query) {
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			q.where = fmt.Sprintf("panel %q, query %s", p.Title, q.RefID)
			all = append(all, q)
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" {
			all = append(all, query{Expr: a.Expr, where: fmt.Sprintf("annotation %q", a.Name)})
		}
	}
	return all
}

// A Grafana that this is imported into asks the user's Prometheus, and shows each panel.
func TestDashboardCanBeImported(t *testing.T) {
	d := deployedDashboard(t)
	require.NotEmpty(t, d.UID)
	require.GreaterOrEqual(t, d.SchemaVersion, 39, "Grafana 10.3 and later")
	require.Equal(t, "datasource", d.Templating.List[0].Type)
	ids, taken := map[int]string{}, map[[2]int]string{}
	for _, p := range d.Panels {
		require.NotContains(t, ids, p.ID, p.Title)
		ids[p.ID] = p.Title
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				require.NotContains(t, taken, at, "%s covers another panel", p.Title)
				taken[at] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		require.NotEmpty(t, p.Targets, p.Title)
		require.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		for _, q := range p.Targets {
			require.Equal(t, "${datasource}", q.Datasource.UID, p.Title)
		}
	}
}

// chosen is what a user has chosen of the dashboard's variables, and what Grafana puts in for its own.
var chosen = strings.NewReplacer("$__rate_interval", "1m", "$job", "epsilon", "$instance", "a")

var (
	legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)
	labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
)

// A real Prometheus that scrapes a fleet, with the alerts loaded, has an answer to everything that the
// dashboard asks for, and each legend has its labels.
func TestDashboardHasSomethingToShow(t *testing.T) {
	testbed.RequireBinary(t, "prometheus")
	p := scrapeFleet(t, startExporter(t).URL)
	d := deployedDashboard(t)
	to := time.Now()
	for _, q := range d.queries() {
		expression := chosen.Replace(q.Expr)
		require.NotContains(t, expression, "$", q.where)
		var found []testbed.Series
		var err error
		if q.Instant {
			found, err = p.Query(expression)
		} else {
			found, err = p.QueryRange(expression, to.Add(-time.Minute), to, time.Second)
		}
		require.NoError(t, err, q.where)
		require.NotEmpty(t, found, "%s finds nothing: %s", q.where, expression)
		for _, label := range legendLabel.FindAllStringSubmatch(q.LegendFormat, -1) {
			for _, series := range found {
				require.NotEmpty(t, series.Labels[label[1]], "%s: the legend %s: %v", q.where, q.LegendFormat, series.Labels)
			}
		}
	}
	for _, variable := range d.Templating.List[1:] {
		parts := labelValues.FindStringSubmatch(variable.Definition)
		require.NotNil(t, parts, variable.Name)
		found, err := p.Query(chosen.Replace(parts[1]))
		require.NoError(t, err, variable.Name)
		require.Len(t, found, len(exportedMachines), variable.Name)
		for _, series := range found {
			require.NotEmpty(t, series.Labels[parts[2]], variable.Name)
		}
	}

	found, err := p.Query(`ALERTS{alertname="EpsilonMachineConvicted"}`)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "c", found[0].Labels["machine"], "two contradict it, and one may be wrong")
}

// scrapeFleet starts a Prometheus that scrapes each machine of an exporter, and returns when rates can be
// computed and rules have been evaluated over that.
func scrapeFleet(t testing.TB, exporter string) *testbed.Prometheus {
	t.Helper()
	at, err := url.Parse(exporter)
	require.NoError(t, err)
	rules, err := filepath.Abs(filepath.Join(deploy, alertsFile))
	require.NoError(t, err)
	var targets bytes.Buffer
	for _, machine := range exportedMachines {
		fmt.Fprintf(&targets, "      - {targets: [%q], labels: {instance: %q, __metrics_path__: %q}}\n", at.Host, machine, "/"+machine)
	}
	p := testbed.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}
rule_files: [%q]
scrape_configs:
  - job_name: epsilon
    static_configs:
%s`, rules, &targets))
	const scraped = `count(count_over_time(epsilon_uncertainty_seconds[1m]) >= 3) + count(ALERTS{alertname="EpsilonMachineConvicted"})`
	require.Eventually(t, func() bool {
		found, err := p.Query(scraped)
		require.NoError(t, err)
		return len(found) == 1 && found[0].Samples[0].Value == float64(len(exportedMachines)+1)
	}, time.Minute, 50*time.Millisecond, "the machines have been scraped, and the rules evaluated")
	return p
}
