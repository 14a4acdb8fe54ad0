package main

import (
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// sawtooth is TrueTime as published: synchronize, then let ε grow by 200 µs each second until the next
// time. J. C. Corbett et al., "Spanner: Google's globally-distributed database", OSDI 2012, section 3.
//
// There a daemon polls its masters all together, every 30 s. Here samples come one by one, and the
// reading that is best for the rule is that it synchronizes with every single one: to the fusion of
// the newest sample of each source, carried to that moment. It remembers nothing beyond. Of how Google's
// daemons fuse the paper says only that it is a variant of Marzullo's algorithm, so there are two
// readings: the sound one, M_f, and the one that usually goes by that name.
type sawtooth struct {
	fuse   fusion
	newest latest
	synced band
	ok     bool
}

func newSawtooth(fuse fusion) func(int) rule {
	return func(sources int) rule { return &sawtooth{fuse: fuse, newest: newLatest(sources)} }
}

func (r *sawtooth) take(source int, s truetime.Sample) {
	r.newest.take(source, s)
	if fused, ok := r.fuse(r.newest.at(s.Received, spanner)); ok {
		r.synced, r.ok = band{s.Received, fused}, true
	}
}

func (r *sawtooth) at(c monotonic.Instant) (truetime.Interval, bool) {
	return r.synced.carry(c, spanner), r.ok
}

// latest is the newest sample of each source.
type latest struct {
	samples []truetime.Sample
	heard   []bool
	now     []truetime.Interval // working memory
}

func newLatest(sources int) latest {
	return latest{make([]truetime.Sample, sources), make([]bool, sources), make([]truetime.Interval, sources)}
}

func (l *latest) take(source int, s truetime.Sample) {
	if _, ok := arrived(s, spanner); ok {
		l.samples[source], l.heard[source] = s, true
	}
}

// at returns what each source says when the counter reads c.
func (l *latest) at(c monotonic.Instant, d drift) []truetime.Interval {
	for i, s := range l.samples {
		l.now[i] = everything
		if l.heard[i] {
			l.now[i] = carrySample(s, c, d)
		}
	}
	return l.now
}
