// Package epsilonprom shows a clock, and what stands on it, to Prometheus.
//
//	registry.MustRegister(epsilonprom.NewCollector(clock, epsilonprom.WithBudget(5*time.Millisecond)))
//
// All values are computed when they are collected, from a report of the clock: nothing is added to what Now costs, and
// no goroutine runs. A collector may be collected by several at once.
//
// docs/metrics.md lists every metric, and deploy/prometheus has alert rules for them. Names are kept for good. There
// are some 50 series for a clock and 15 for each of its sources; no label has a value that grows without bound.
// Two clocks in one process take labels that tell them apart: prometheus.WrapRegistererWith.
//
// The daemon, epsilon serve --http, has all of this at /metrics.
package epsilonprom
