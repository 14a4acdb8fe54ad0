package main

import (
	"math"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// chrony is what chronyd 4 says of its own clock (`chronyc tracking`): root dispersion + root delay/2, around
// the clock that it steers. It follows the sources of github.com/mlichvar/chrony:
//
//   - sourcestats.c and regress.c: each source has a register of up to 64 samples, a weighted regression
//     through them, of which a test of runs drops the oldest, and the sample with the least root distance;
//   - sources.c, SRC_SelectSource: of the sources whose intervals reach into the region of greatest depth, if
//     more than half of all do, it follows one until another one is much nearer for long; combine_sources
//     averages the offsets and frequencies of those that are not much farther away;
//   - reference.c, get_clock_estimates and get_root_dispersion: the frequency of the clock is pulled to the
//     measured one, and the dispersion grows with the skew, the residual frequency and 1 ppm (maxclockerror).
//
// The root distance is that of the one sample of the one source, whatever was averaged.
//
// Left out, in its favour: the correction of the offset is over at once, where chronyd slews for several
// polls and reports what is left; the precision of its clock is 1 ns; its time of reference is not stated earlier by a
// random part of a second (fuzz_ref_time), for which its dispersion would grow; and until its skew has been within 1000 ppm once, its
// dispersion grows by one second each second, which would make the means worthless and counts as no
// answer. Left out as it does not matter here: limits on delay and jitter, the correction for one-sided jitter, authentication, strata, options of
// sources, interleaved mode. That a source is unreachable it knows from eight polls without an answer; a rule
// here sees answers only, and takes eight times the last interval between two of them.
type chrony struct {
	zero
	sources  []register
	selected int // or nobody
	synced   bool
	clock    steered
}

const nobody = -1

// steered is the clock, and what is said of it.
type steered struct {
	at         float64 // when it was set
	offset     float64 // from the counter, there
	frequency  float64 // beside the counter
	reference  float64 // when what is said was so
	delay      float64 // root delay
	dispersion float64 // root dispersion, at the reference
	skew       float64
	residual   float64 // what of the measured frequency it has not taken on
}

// Of reference.c and conf.c, as they are unless configured.
const (
	maxClockError = 1e-6
	maxUpdateSkew = 1000e-6 // a frequency that is known less well is not taken on
	noSkew        = 1       // before one has been
)

func newChrony(sources int) rule {
	r := &chrony{sources: make([]register, sources), selected: nobody, clock: steered{skew: noSkew}}
	for i := range r.sources {
		r.sources[i].score = 1
	}
	return r
}

func (r *chrony) take(source int, s truetime.Sample) {
	if _, ok := arrived(s, spanner); !ok {
		return
	}
	m := r.measure(s)
	r.sources[source].take(m, s.Received.Sub(s.Sent).Seconds())
	now := r.seconds(s.Received)
	if survivors := r.survivors(now); survivors != nil && r.choose(source, survivors, now) {
		for i := range r.sources {
			r.sources[i].updates = 0
		}
		r.set(now, survivors)
	}
}

// set sets the clock to what the sources say that have survived.
func (r *chrony) set(now float64, survivors []*candidate) {
	chosen := &r.sources[r.selected]
	l := r.combine(survivors)
	c := &r.clock
	measured := l.frequency - c.frequency
	gain := 0.0
	if l.skew <= maxUpdateSkew {
		gain = 3 * c.skew * c.skew / (3*c.skew*c.skew + l.skew*l.skew)
	}
	taken := gain * measured
	c.residual = measured - taken
	c.skew += gain*(l.skew-c.skew) + math.Sqrt(taken*taken*(1-gain)+c.residual*c.residual*gain)
	c.frequency += taken
	c.at, c.offset = now, l.offset+(now-l.at)*l.frequency
	c.reference, c.delay = l.at, chosen.best.delay
	c.dispersion = chosen.best.distance(l.at, chosen.line.skew) - c.delay/2 + chosen.line.offsetSD
	r.synced = true
}

func (r *chrony) at(c monotonic.Instant) (truetime.Interval, bool) {
	now := r.seconds(c)
	offset := r.clock.offset + (now-r.clock.at)*r.clock.frequency
	growing := r.clock.skew + math.Abs(r.clock.residual) + maxClockError
	bound := r.clock.delay/2 + r.clock.dispersion + math.Abs(now-r.clock.reference)*growing
	return r.around(c, offset, bound), r.synced && r.clock.skew < noSkew
}
