// Package epsilonotel shows a clock, and what stands on it, through OpenTelemetry. It needs the API only, and whichever
// SDK the program has set up collects.
//
//	registration, err := epsilonotel.Observe(otel.Meter("example.net/payments"), clock, epsilonotel.WithBudget(5*time.Millisecond))
//
// Names are those of package epsilonprom, with dots and without the unit and _total at the end: epsilon.uncertainty.peak, in
// seconds. What is a label there is an attribute here. docs/metrics.md lists them.
//
// All values are computed when they are collected, from a report of the clock: nothing is added to what Now costs, and
// no goroutine runs. While there is no answer epsilon.uncertainty and its peak are +Inf, which OTLP can say; a
// backend that cannot store it drops the point, so alert on its absence there.
//
// The API has no histogram that is computed when it is collected, so the distribution of ε and of waits are left out.
package epsilonotel
