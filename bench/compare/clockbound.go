package main

import (
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// clockBound is the formula of AWS ClockBound 2 over chrony:
//
//	ε = |offset| + root dispersion + root delay/2 + drift·age
//
// (github.com/aws/clock-bound, clock-bound-d/README.md). ClockBound itself chooses nothing: offset,
// dispersion and delay are those of the one source that chrony follows.
//
// The model of chrony is of its selection (sources.c): of the sources whose intervals reach into the
// region of greatest depth, if more than half of all do, the one with the least root distance; again at
// every sample. The clock is set to that source's newest sample at once, so that nothing is left to
// be corrected and |offset| is 0. Left out is what would make ε larger (the skew that chrony adds to
// the dispersion, the correction under way, its reluctance to change the source) and what would make
// the clock better without making ε smaller (the regression over older samples, the combination of
// sources, the learnt frequency).
//
// With all of that, chrony's own report is another line of the table: see [chrony].
//
// ClockBound 3 is no line of it. It replaces chrony and estimates the counter's rate itself. What could be read of its source
// (docs.rs/crate/clock-bound/3.0.0-beta.1/source/src/daemon, clock_sync_algorithm and clock_parameters.rs, the
// beginnings of files) names a worst bound of those that an estimate rests on, a growth at a constant rate in between, with 15 ppm for an
// example, and a comparison of which of two estimates is the more accurate. How the bound is computed, and whether
// anything rejects a liar, it does not say, and a guess would be no comparison.
//
// The drift is the 50 ppm that ClockBound's documentation tells its users to configure; its default
// is 1 ppm. The other rules that bound the counter allow for 200 ppm. The counters of these worlds keep to 50.
type clockBound struct {
	newest latest
	synced band
	ok     bool
}

func newClockBound(sources int) rule { return &clockBound{newest: newLatest(sources)} }

func (r *clockBound) take(source int, s truetime.Sample) {
	r.newest.take(source, s)
	heard := heardOf(r.newest.at(s.Received, amazon)) // chrony selects among those that it can reach
	deepest := deepestOf(heard)
	region, ok := hull(heard, deepest)
	if !ok || 2*deepest <= len(heard) {
		return // no majority: chrony is not synchronized, and ClockBound goes on with what it had
	}
	best, found := truetime.Interval{}, false
	for _, i := range heard {
		around := i.Earliest <= region.Earliest && i.Latest >= region.Latest
		within := i.Earliest >= region.Earliest && i.Latest <= region.Latest
		if (around || within) && (!found || i.Width() < best.Width()) {
			best, found = i, true
		}
	}
	if found {
		r.synced, r.ok = band{s.Received, best}, true
	}
}

func (r *clockBound) at(c monotonic.Instant) (truetime.Interval, bool) {
	return r.synced.carry(c, amazon), r.ok
}
