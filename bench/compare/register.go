package main

import (
	"cmp"
	"slices"
)

// register is what chrony keeps of one source: its last samples and the line through them (sourcestats.c,
// SST_AccumulateSample and SST_DoNewRegression).
type register struct {
	samples []registered // oldest first
	old     int          // so many of them serve the test of runs and nothing else
	line    line
	ok      bool       // there is a line
	best    registered // the sample that bounds the offset best

	heard   int     // samples, ever
	updates int     // samples since the clock was set
	score   float64 // against the source that is selected
	distant int     // so many times it will not be combined
}

type registered struct {
	measurement
	dispersion float64
}

// distance bounds the error of the sample's offset when it is carried to a moment.
func (s registered) distance(at, skew float64) float64 {
	return s.delay/2 + s.dispersion + (at-s.at)*skew
}

const (
	registerSize = 64
	fewestInLine = 3
	fewestKept   = 6       // what is left where the test of runs drops samples: minsamples
	anySkew      = 2000e-6 // where there is no line
	quantum      = 1e-9    // the precision of the machine's clock
)

// take adds a sample of an exchange that took so long, and fits the line anew.
func (r *register) take(m measurement, took float64) {
	skew := anySkew
	if r.ok {
		skew = min(skew, r.line.skew)
	}
	if r.fresh() == registerSize {
		r.drop()
	}
	r.samples = append(r.samples, registered{m, m.claim + quantum + skew*took})
	r.heard++
	r.updates++
	r.fit()
}

// fresh is how many samples the line goes through.
func (r *register) fresh() int { return len(r.samples) - r.old }

// drop takes the oldest sample out of the line. Of those that serve the test only there are no more than of
// the others.
func (r *register) drop() {
	r.old++
	if surplus := r.old - r.fresh(); surplus > 0 {
		r.samples, r.old = slices.Delete(r.samples, 0, surplus), r.old-surplus
	}
}

func (r *register) fit() {
	r.line, r.ok = line{skew: anySkew}, r.fresh() >= fewestInLine
	for weights := r.weights(); r.ok; weights = weights[1:] {
		r.line = regress(r.samples[r.old:], weights)
		if r.fresh() <= fewestKept || runs(r.samples, r.line) > tooFewRuns(len(r.samples)) {
			break
		}
		r.drop()
	}
	newest := r.newest().at
	r.best = slices.MinFunc(r.samples[r.old:], func(a, b registered) int {
		return cmp.Compare(a.distance(newest, r.line.skew), b.distance(newest, r.line.skew))
	})
}

func (r *register) newest() registered { return r.samples[len(r.samples)-1] }
func (r *register) oldest() registered { return r.samples[r.old] }

// weights says how little each sample counts: more than 1 for one whose delay is longer than the shortest.
func (r *register) weights() (weights []float64) {
	const deviation = 0.7 // SD_TO_DIST_RATIO
	for _, s := range r.samples[r.old:] {
		weights = append(weights, s.delay/2+s.dispersion-s.claim)
	}
	shortest := slices.Min(weights)
	spread := max(quantum, min((median(weights)-shortest)/deviation, shortest))
	for i, distance := range weights {
		w := 1 + max(0, distance-shortest-quantum)/spread
		weights[i] = w * w
	}
	return weights
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
