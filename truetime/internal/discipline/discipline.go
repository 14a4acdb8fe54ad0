// Package discipline turns samples over time into two lines between which true time runs. It is
// pure: counter readings and samples go in, bounds come out, there is no clock and no I/O, and the
// same input gives the same output.
//
// # From one sample to an answer
//
// A sample is two facts (see [Facts]). Each source keeps the intersection of its own facts; a
// source whose facts exclude each other is convicted and covers nothing until it has spoken
// consistently again. Whenever a sample comes in, the intervals of all voters are carried to that
// moment, [agreement.Region] finds what at least n−f of them allow, and the result is intersected
// with the previous answer carried to the same moment. All of this uses only three assumptions:
// the counter's drift, each correct source's claim, and that at most f voters are wrong.
//
// # When the assumptions break
//
// If no point is left, or more than f voters are convicted at the same time, then more than f
// sources are wrong or the counter is. Neither can be repaired by calculation: that is a
// disruption. The epoch ends, all history is dropped, and there is no answer until enough sources
// have answered again. If it happens again and again soon after, the counter's rate is outside the
// declared drift, and the discipline refuses until an epoch has lasted.
package discipline

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

const (
	// requalifySamples is how many samples in a row a convicted source must give without
	// contradicting itself before it votes again. The first of them is the one that convicted it, and
	// a server that is being stepped or restarted usually contradicts itself once or twice more.
	requalifySamples = 4

	// An epoch is brief if it ends before briefSpan, which any rate outside the drift fills with
	// contradictions, or before briefSamples a source on average, for clocks that poll rarely. One
	// brief epoch may follow a step of somebody's clock, and two a coincidence; maxBriefEpochs in a
	// row are the counter's rate.
	briefSpan      = 5 * time.Minute
	briefSamples   = 8
	maxBriefEpochs = 3
)

// Reasons for which [Discipline.Add] does not use a sample.
var (
	ErrSelfContradiction = errors.New("the sample excludes itself: its lower bound is above its upper bound")
	ErrOrder             = errors.New("the sample's instants are out of order: sent, received, now")
	ErrOtherEpoch        = errors.New("the sample was begun before the last disruption")
)

// Config says who votes and what is assumed.
type Config struct {
	Scale     Scale // of the counter
	Stability Stability
	Faulty    int   // f: how many voters may be wrong
	Voter     []int // for each source, which vote it belongs to, numbered from 0 without gaps
}

// Verdict is what the agreement says about one source.
type Verdict int

const (
	Undecided   Verdict = iota // nothing to hold it against yet
	Unheard                    // has not answered in this epoch
	Truechimer                 // its interval meets the agreed region
	Falseticker                // its interval excludes the agreed region
	Convicted                  // its own facts exclude each other
)

// Disruption says when and why an epoch ended.
type Disruption struct {
	At     monotonic.Instant
	Reason string
}

// Discipline is the state of one clock. It is not safe for concurrent use.
type Discipline struct {
	scale   Scale
	faulty  int
	sources []source
	voter   []int   // the vote of each source
	voters  [][]int // the sources of each vote

	now    monotonic.Instant // the last moment seen
	rates  rates
	motion motion // as of now
	epoch  uint64
	last   Disruption

	began   monotonic.Instant // when this epoch first had an answer
	samples int               // used in this epoch
	brief   int               // brief epochs in a row, before this one
	fused   Bounds            // valid if answered
	first   Bounds            // the first answer of this epoch
	answer  bool

	// Working memory, kept so that a sample costs no allocation.
	votes   []agreement.Interval
	members []agreement.Interval
	inner   agreement.Region
	region  agreement.Region
}

type source struct {
	window    window
	convicted bool
	fresh     int               // consistent samples since the conviction
	heard     monotonic.Instant // when the last sample was received, if any
	verdict   Verdict
}

// New returns a discipline in its first epoch, number 1, without an answer.
func New(config Config) *Discipline {
	d := &Discipline{
		scale:   config.Scale,
		rates:   newRates(config.Stability),
		faulty:  config.Faulty,
		sources: make([]source, len(config.Voter)),
		voter:   config.Voter,
		epoch:   1,
		now:     math.MinInt64, // a counter's zero is arbitrary
	}
	for i, v := range config.Voter {
		for len(d.voters) <= v {
			d.voters = append(d.voters, nil)
		}
		d.voters[v] = append(d.voters[v], i)
		d.sources[i].verdict = Unheard
	}
	d.votes = make([]agreement.Interval, len(d.voters))
	d.motion = d.rates.at(d.now, d.scale)
	return d
}

// Add uses one sample of a source. The caller noted epoch before the exchange began, and now after
// it ended. An error means that the sample was not used, and why; nothing has changed then.
func (d *Discipline) Add(i int, f Facts, epoch uint64, now monotonic.Instant) error {
	if d.Observe(now); epoch != d.epoch {
		return ErrOtherEpoch
	}
	if f.Upper.At.After(f.Lower.At) || f.Lower.At.After(now) {
		return ErrOrder
	}
	f = d.scale.covering(f)
	if f.At(f.Lower.At, d.scale).Empty() {
		return ErrSelfContradiction
	}

	for other := range d.sources {
		d.sources[other].forget(now)
	}
	d.sources[i].use(f, &d.motion)
	d.samples++
	if convicted := d.convictedVoters(); convicted > d.faulty {
		d.contradicted(now, fmt.Sprintf("%d voters contradict themselves, of which at most %d may be wrong: the counter jumped or runs outside its drift, or more than %d are wrong", convicted, d.faulty, d.faulty))
		return nil
	}
	d.fuse(now)
	return nil
}

// Observe tells the discipline that the counter reads now. A counter that went back ends the epoch.
func (d *Discipline) Observe(now monotonic.Instant) {
	if now.Before(d.now) {
		d.Disrupt(now, fmt.Sprintf("the counter went back by %v", d.now.Sub(now)))
	}
	d.now = now
	d.advance()
}

// advance brings what is known about the motion of true time to the present moment. Bounds of a rate
// that is known better than the drift are not straight, so the answer is carried along in steps,
// each by what was known at its beginning or at its end, whichever says more.
func (d *Discipline) advance() {
	motion := d.rates.at(d.now, d.scale)
	if d.answer && motion.stable {
		i := d.fused.At(d.now).Intersect(motion.at(d.fused.Facts, d.now))
		d.fused.Facts = Facts{Upper: Point{d.now, i.Hi}, Lower: Point{d.now, i.Lo}}
	}
	d.motion, d.fused.motion = motion, motion
}

// Rescale replaces what is known about the counter: within an epoch because its rate has been
// measured better, which applies to the past as well, for it has run at one rate since the epoch
// began; and after a disruption because it may be another counter.
func (d *Discipline) Rescale(scale Scale) {
	d.scale, d.motion.Scale, d.fused.Scale, d.first.Scale = scale, scale, scale, scale
}

// contradicted ends the epoch because the facts exclude each other. If that happens again and again
// the counter is faulty.
func (d *Discipline) contradicted(now monotonic.Instant, reason string) {
	if d.isBrief() {
		d.brief++
	}
	d.Disrupt(now, reason)
}

// Disrupt ends the epoch: history is dropped and there is no answer until the sources have been
// heard again. The caller knows of something that has happened to the counter.
func (d *Discipline) Disrupt(now monotonic.Instant, reason string) {
	if !d.isBrief() {
		d.brief = 0 // the counter has shown that it can be trusted
	}
	for i := range d.sources {
		d.sources[i] = source{verdict: Unheard}
	}
	d.epoch++
	d.last = Disruption{now, reason}
	d.answer, d.samples = false, 0
	d.now = now
	d.rates.forget()
	d.motion = d.rates.at(now, d.scale)
}

// use takes facts into a source's window, or convicts it if they exclude what it said before.
func (s *source) use(f Facts, m *motion) {
	s.forget(f.Lower.At)
	s.window.age(f.Lower.At)
	if s.window.contradicts(f, m) {
		*s = source{convicted: true}
	}
	s.window.insert(f, m)
	s.heard = f.Lower.At
	if s.convicted {
		s.fresh++
		s.convicted = s.fresh < requalifySamples
	}
}

// forget lifts a conviction that is older than what is remembered of anybody: the source has not
// answered since, and is now one that has not been heard. Otherwise a server that told one lie and
// died would count as wrong for ever, and leave that much less room for the others to be.
func (s *source) forget(now monotonic.Instant) {
	if s.convicted && now.Sub(s.heard) >= windowBuckets*bucketSpan {
		*s = source{verdict: Unheard}
	}
}

// convictedVoters counts the voters of whose sources half or more are convicted.
func (d *Discipline) convictedVoters() (convicted int) {
	for _, sources := range d.voters {
		bad := 0
		for _, i := range sources {
			if d.sources[i].convicted {
				bad++
			}
		}
		if bad > tolerated(sources) {
			convicted++
		}
	}
	return convicted
}

// tolerated is how many of the sources that share a vote may be wrong: fewer than half.
func tolerated(sources []int) int { return (len(sources) - 1) / 2 }

// vote is what one voter says. Several sources of one operator share a vote: it is the agreement
// among them with fewer than half of them wrong, the same rule once more.
func (d *Discipline) vote(v int, now monotonic.Instant) agreement.Interval {
	d.members = d.members[:0]
	for _, i := range d.voters[v] {
		if s := &d.sources[i]; s.convicted {
			d.members = append(d.members, agreement.Nothing)
		} else {
			d.members = append(d.members, s.window.at(now, &d.motion))
		}
	}
	if len(d.members) == 1 {
		return d.members[0]
	}
	d.inner.Compute(d.members, tolerated(d.voters[v]))
	return d.inner.Hull()
}

// fuse intersects the agreement of the votes with the previous answer.
func (d *Discipline) fuse(now monotonic.Instant) {
	for v := range d.voters {
		d.votes[v] = d.vote(v, now)
	}
	d.region.Compute(d.votes, d.faulty)
	agreed := d.region.Hull()
	switch {
	case d.answer:
		d.narrow(agreed, now)
	case agreed.Bounded() && d.quorum():
		d.fused = Bounds{Facts{Point{now, agreed.Hi}, Point{now, agreed.Lo}}, d.motion}
		d.first, d.began, d.answer = Bounds{d.fused.Facts, motion{Scale: d.scale}}, now, true
	}
	d.learnRate(now)
	d.judge(now)
}

// narrow moves an end of the answer only where the new line is strictly better at this moment, its
// own rounding included. An end that is left alone keeps its own moment, and so the same line as
// before. Either way Earliest cannot go back by so much as a rounding error: two spans rounded up
// one by one exceed their sum rounded up by at most the 1 ns that the new line is ahead.
func (d *Discipline) narrow(agreed agreement.Interval, now monotonic.Instant) {
	before := d.fused.At(now)
	switch {
	case agreed.Empty():
		d.contradicted(now, fmt.Sprintf("no moment is covered by %d of %d voters: more than %d are wrong, or the counter is", len(d.voters)-d.faulty, len(d.voters), d.faulty))
		return
	case agreed.Intersect(before).Empty():
		d.contradicted(now, "the voters agree on an interval that excludes the one carried from before: the counter jumped or runs outside its drift, or too many were wrong")
		return
	}
	if agreed.Lo > before.Lo {
		d.fused.Lower = Point{now, agreed.Lo}
	}
	if agreed.Hi < before.Hi {
		d.fused.Upper = Point{now, agreed.Hi}
	}
}

// learnRate takes the answer as a pair of facts about the rate.
func (d *Discipline) learnRate(now monotonic.Instant) {
	if !d.motion.stable || !d.answer {
		return
	}
	answer := d.fused.At(now)
	d.rates.resolution = d.scale.Resolution
	d.rates.learn(now, answer.Lo, answer.Hi)
	d.advance()
	if low, high := d.motion.rate(); low > high {
		d.contradicted(now, fmt.Sprintf("the counter's rate changes faster than its assumed stability allows: true time would have to gain more than %+.3f ppm on it and less than %+.3f ppm", low*1e6, high*1e6))
	}
}

// quorum reports whether enough voters have been heard for a first answer: 2f+1, so that the
// correct ones among them outnumber the others, and all of them where there are only two. The
// same goes for the sources that share a vote. A convicted source has been heard: it is known to be
// one of the wrong ones, and could otherwise keep the first answer away for ever.
func (d *Discipline) quorum() bool {
	heard := 0
	for _, sources := range d.voters {
		members := 0
		for _, i := range sources {
			if d.sources[i].window.filled > 0 {
				members++
			}
		}
		if members >= Quorum(len(sources), tolerated(sources)) {
			heard++
		}
	}
	return heard >= Quorum(len(d.voters), d.faulty)
}

// Quorum is how many of n voters must have been heard for a first answer with f wrong ones.
func Quorum(n, f int) int { return max(2*f+1, min(n, 2)) }

// judge gives every source its verdict.
func (d *Discipline) judge(now monotonic.Instant) {
	for i := range d.sources {
		s := &d.sources[i]
		said := s.window.at(now, &d.motion)
		switch {
		case s.convicted:
			s.verdict = Convicted
		case s.window.filled == 0:
			s.verdict = Unheard
		case !d.answer:
			s.verdict = Undecided
		case d.region.Meets(said.Intersect(d.fused.At(now))):
			s.verdict = Truechimer
		default:
			s.verdict = Falseticker
		}
	}
}

// isBrief reports whether this epoch, if it ended now, would have been a brief one.
func (d *Discipline) isBrief() bool {
	return !d.answer || d.now.Sub(d.began) < briefSpan || d.samples < briefSamples*len(d.sources)
}

// Faulty reports whether the counter contradicts the sources again and again. It is refused until
// an epoch lasts.
func (d *Discipline) Faulty() bool { return d.brief >= maxBriefEpochs && d.isBrief() }

// Bounds returns the answer, if there is one.
func (d *Discipline) Bounds() (Bounds, bool) { return d.fused, d.answer }

// Epoch counts the spans between disruptions, from 1.
func (d *Discipline) Epoch() uint64 { return d.epoch }

// LastDisruption returns when and why the previous epoch ended; the zero value in the first epoch.
func (d *Discipline) LastDisruption() Disruption { return d.last }

// Voters returns n, the number of votes.
func (d *Discipline) Voters() int { return len(d.voters) }

// VoterOf returns the vote to which source i belongs.
func (d *Discipline) VoterOf(i int) int { return d.voter[i] }

// Verdict returns the verdict on source i after the last sample.
func (d *Discipline) Verdict(i int) Verdict { return d.sources[i].verdict }

// Interval returns what source i alone says about true time at now: everything is possible before
// its first answer.
func (d *Discipline) Interval(i int, now monotonic.Instant) agreement.Interval {
	return d.sources[i].window.at(now, &d.motion)
}

// Rate bounds dT/dc − 1 in parts per million: how much faster than the counter true time runs now if
// the stability of the counter is assumed, and how much faster it ran on average over this epoch
// otherwise, as follows from the first answer and the present one alone.
func (d *Discipline) Rate(now monotonic.Instant) (low, high float64) {
	if d.motion.stable {
		m := d.rates.at(now, d.scale)
		low, high = m.rate()
		return low * 1e6, high * 1e6
	}
	slow, fast := -d.scale.Drift.slowRate()*1e6, d.scale.Drift.fastRate()*1e6
	span := float64(now.Sub(d.began))
	if !d.answer || span <= 0 {
		return slow, fast
	}
	first, last := d.first.At(d.began), d.fused.At(now)
	low = (float64(last.Lo-first.Hi)/span - 1) * 1e6
	high = (float64(last.Hi-first.Lo)/span - 1) * 1e6
	return max(low, slow), min(high, fast)
}

// Slopes bounds dT/dc − 1 from now on for as long as the next published lines hold.
func (d *Discipline) Slopes() (low, high float64) {
	if !d.motion.stable {
		return d.motion.rate()
	}
	return d.motion.slopes(float64(horizon))
}

// Tolerated returns f, how many voters may be wrong.
func (d *Discipline) Tolerated() int { return d.faulty }
