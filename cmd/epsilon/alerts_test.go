package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
)

const alertsFile = "prometheus/alerts.yaml"

// alerts is what of the rules for Prometheus is looked at.
type alerts struct {
	Groups []struct {
		Name  string
		Rules []alert
	}
}

type alert struct {
	Alert, Expr, For string
	KeepFiringFor    string `yaml:"keep_firing_for"`
	Labels           struct{ Severity string }
	Annotations      struct {
		Summary, Description string
		Runbook              string `yaml:"runbook_url"`
	}
}

func deployedAlerts(t testing.TB) (all []alert) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(deployed(t, alertsFile)))
	decoder.KnownFields(true)
	var file alerts
	require.NoError(t, decoder.Decode(&file))
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

func promtool(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput()
	require.NoError(t, err, "promtool %s\n%s", strings.Join(args, " "), out)
}

// The rules fire when they should and not before: their own tests say so.
func TestAlerts(t *testing.T) {
	testbed.RequireBinary(t, "promtool")
	promtool(t, "check", "rules", filepath.Join(deploy, alertsFile))
	cases, err := filepath.Glob(filepath.Join(deploy, "prometheus", "*_test.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	promtool(t, append([]string{"test", "rules"}, cases...)...)
}

// What deploy/README.md has people write into Prometheus's configuration is understood.
func TestConfigurationOfPrometheus(t *testing.T) {
	testbed.RequireBinary(t, "promtool")
	_, rest, found := strings.Cut(string(deployed(t, "README.md")), "```yaml\nrule_files:")
	require.True(t, found)
	example, _, _ := strings.Cut(rest, "```")
	rules, err := filepath.Abs(filepath.Join(deploy, alertsFile))
	require.NoError(t, err)
	const there = "/etc/prometheus/epsilon-alerts.yaml"
	require.Contains(t, example, there)
	path := filepath.Join(t.TempDir(), "prometheus.yaml")
	require.NoError(t, os.WriteFile(path, []byte("rule_files:"+strings.ReplaceAll(example, there, rules)), 0o600))
	promtool(t, "check", "config", path)
}

// Every alert has a case in which it fires, and a section of the operations guide to go to.
func TestAlertsAreTestedAndExplained(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(deploy, "prometheus", "*_test.yaml"))
	require.NoError(t, err)
	var tested string
	for _, path := range cases {
		tested += string(deployed(t, filepath.Join("prometheus", filepath.Base(path))))
	}
	var sections []string
	for line := range strings.Lines(document(t, "operations.md")) {
		if title, found := strings.CutPrefix(line, "### "); found {
			sections = append(sections, strings.ToLower(strings.TrimSpace(title)))
		}
	}
	for _, a := range deployedAlerts(t) {
		require.Contains(t, []string{"warning", "critical"}, a.Labels.Severity, a.Alert)
		require.NotEmpty(t, a.Annotations.Summary, a.Alert)
		require.NotEmpty(t, a.Annotations.Description, a.Alert)
		require.True(t, strings.Contains(tested, `ALERTS{alertname="`+a.Alert+`",`), "no case has %s fire", a.Alert)
		require.Contains(t, string(deployed(t, "README.md")), "["+a.Alert+"]", "the table of alerts")
		page, section, _ := strings.Cut(a.Annotations.Runbook, "#")
		require.Equal(t, "https://github.com/epsilontime/epsilon/blob/main/docs/operations.md", page, a.Alert)
		require.True(t, slices.Contains(sections, section), "docs/operations.md has no section for %s: %s", a.Alert, a.Annotations.Runbook)
	}
}
