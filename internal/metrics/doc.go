// Package metrics says what there is to measure of a clock and of what stands on it, once for all systems that
// collect such figures: the names, units and texts, and the values of one moment.
//
// Names follow OpenTelemetry, with dots, and [Metric.Prometheus] makes those of Prometheus of them: with underscores,
// the unit at the end, and _total for what is counted. docs/metrics.md describes each.
package metrics

import "strings"

// Kind says how a metric behaves.
type Kind uint8

// The kinds.
const (
	Gauge     Kind = iota // goes up and down
	Counter               // only goes up, but for a new clock
	Histogram             // of durations
)

// Metric is something to measure.
type Metric struct {
	Name   string // as in "epsilon.source.delay"
	Unit   string // "s", "1" for a ratio, "" for a number of things
	Kind   Kind
	Labels []string
	Help   string
}

// Prometheus returns the name by the conventions of Prometheus.
func (m *Metric) Prometheus() string {
	name := strings.ReplaceAll(m.Name, ".", "_")
	switch m.Unit {
	case "s":
		name += "_seconds"
	case "1":
		name += "_ratio"
	}
	if m.Kind == Counter {
		name += "_total"
	}
	return name
}

// Sink takes values. There is one for each value of the labels.
type Sink interface {
	Value(m *Metric, value float64, labels ...string)
	Distribution(m *Metric, d Distribution, labels ...string)
}

// Distribution is how many durations were up to each bound, in seconds.
type Distribution struct {
	Bounds []float64
	Counts []uint64 // of those up to each bound and above the one before; the last are those above all
	Sum    float64
}
