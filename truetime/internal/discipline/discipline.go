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
// the counter's drift, each correct source's claim, and that at most f voters are wrong. With a
// fourth, the counter's [Stability], everything is carried by a rate that is known better.
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

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

// Reasons for which [Discipline.Add] does not use a sample.
var (
	ErrSelfContradiction = errors.New("the sample excludes itself: its lower bound is above its upper bound")
	ErrOrder             = errors.New("the sample's instants are out of order: sent, received, now")
	ErrOtherEpoch        = errors.New("the sample was begun before the last disruption")
)

// Config says who votes and what is assumed.
type Config struct {
	Counter   CounterSpec
	Stability Stability
	Pause     int64 // how much the counter may lose unseen, in nanoseconds: see [allowing]
	Faulty    int   // f: how many voters may be wrong
	Voter     []int // for each source, which vote it belongs to, numbered from 0 without gaps, or NoVote
}

// NoVote is the vote of a source that has none: it is heard and judged, and nothing follows from it.
const NoVote = -1

// Discipline is the state of one clock. It is not safe for concurrent use.
type Discipline struct {
	counter CounterSpec
	pause   int64
	faulty  int
	sources []source
	voter   []int   // the vote of each source
	voters  [][]int // the sources of each vote
	having  int     // how many sources have a vote

	// Who may be one machine: see identity.go.
	identified []identities
	links      []link
	twins      agreement.Twins    // among the voters
	within     []*agreement.Twins // within each of them
	tolerates  []int              // how many of its sources, counted so, may be wrong

	now    monotonic.Instant // the last moment seen
	rates  rates
	motion motion // as of now
	epoch  uint64
	last   Disruption
	ended  [Causes]uint64

	began     monotonic.Instant // when this epoch first had an answer
	samples   int               // used in this epoch
	brief     int               // brief epochs in a row, before this one
	confirmed bool              // this one has lasted
	shown     []shownRate       // by each source
	said      []said            // by each source
	fused     Facts             // the answer as of motion, valid if answered
	first     Facts             // the first answer of this epoch
	answer    bool
	upper     Origin // of the answer's upper end
	lower     Origin // and of its lower one

	agreed  monotonic.Instant // when the votes were last counted
	pending bool              // samples have come since then

	// Working memory, kept so that a sample costs no allocation.
	votes      agreement.Votes
	members    agreement.Votes
	inner      agreement.Region
	region     agreement.Region
	marks      []bool
	voterMarks []bool
}

// New returns a discipline in its first epoch, number 1, without an answer.
func New(config Config) *Discipline {
	d := &Discipline{
		counter: config.Counter,
		pause:   config.Pause,
		rates:   newRates(config.Stability, config.Counter.Drift),
		faulty:  config.Faulty,
		sources: make([]source, len(config.Voter)),
		shown:   make([]shownRate, len(config.Voter)),
		said:    make([]said, len(config.Voter)),
		voter:   config.Voter,
		epoch:   1,
		now:     math.MinInt64, // a counter's zero is arbitrary
	}
	for i, v := range config.Voter {
		d.sources[i].verdict = Unheard
		if v == NoVote {
			continue
		}
		d.having++
		for len(d.voters) <= v {
			d.voters = append(d.voters, nil)
		}
		d.voters[v] = append(d.voters[v], i)
	}
	d.identified = make([]identities, len(d.sources))
	d.within, d.tolerates = make([]*agreement.Twins, len(d.voters)), make([]int, len(d.voters))
	for v, sources := range d.voters {
		if len(sources) > 1 {
			d.within[v] = new(agreement.Twins)
		}
	}
	d.findTwins()
	d.motion = d.rates.at(d.now, d.counter)
	return d
}

// Add uses one sample of a source. The caller noted epoch before the exchange began, and now after
// it ended. An error means that the sample was not used, and why; nothing follows from it then but a rate that the
// source shows ([Discipline.ShownRate]).
func (d *Discipline) Add(i int, f Facts, epoch uint64, now monotonic.Instant) error {
	if d.Observe(now); epoch != d.epoch {
		return ErrOtherEpoch
	}
	if f.Upper.At.After(f.Lower.At) || f.Lower.At.After(now) {
		return ErrOrder
	}
	d.shown[i].use(f, d.counter.Resolution)
	f = allowing(d.counter.covering(f), d.pause)
	if f.At(f.Lower.At, d.counter).Empty() {
		return ErrSelfContradiction
	}

	for other := range d.sources {
		d.sources[other].forget(now)
	}
	d.sources[i].use(f, &d.motion)
	d.said[i].something = true
	if !d.Votes(i) {
		d.agree(now)
		d.updateVerdicts(now)
		return nil
	}
	d.samples++
	d.identified[i].used = true
	if wrong := d.wrongVoters(); wrong > d.faulty {
		d.contradicted(now, fmt.Sprintf("%d voters contradict themselves, of which at most %d may be wrong: the counter jumped or runs outside its drift, or more than %d are wrong", wrong, d.faulty, d.faulty))
		return nil
	}
	if d.stoodStill(now) {
		return nil
	}
	if d.pending = d.gathers(now); !d.pending {
		d.fuse(now)
	}
	if d.brief >= maxBriefEpochs && d.answer && !d.confirmed {
		d.confirmed = d.confirms()
	}
	return nil
}

// Observe tells the discipline that the counter reads now. A counter that went back ends the epoch.
func (d *Discipline) Observe(now monotonic.Instant) {
	if now.Before(d.now) {
		d.Disrupt(now, Counter, fmt.Sprintf("the counter went back by %v", d.now.Sub(now)))
	}
	d.now = now
	d.advance()
	if d.pending && !d.gathers(now) {
		d.fuse(now)
	}
}

// advance brings what is known about the motion of true time to the present moment. Bounds of a rate
// that is known better than the drift are not straight, so the answer is carried along in steps,
// each by what was known at its beginning or at its end, whichever says more.
func (d *Discipline) advance() {
	motion := d.rates.at(d.now, d.counter)
	if d.answer && motion.stable {
		i := d.motion.at(d.fused, d.now).Intersect(motion.at(d.fused, d.now))
		if i.Lo > d.counter.lowerAt(d.fused.Lower, d.now) { // else the drift says as much, and its line is straight
			d.fused.Lower = Point{d.now, i.Lo}
		}
		if i.Hi < d.counter.upperAt(d.fused.Upper, d.now) {
			d.fused.Upper = Point{d.now, i.Hi}
		}
	}
	d.motion = motion
	if invariants.Enabled {
		low, high := motion.rate()
		slow, fast := -d.counter.Drift.slowRate(), d.counter.Drift.fastRate()
		invariants.Check(low >= slow && high <= fast, "the rate is between %g and %g, beyond the drift, %g to %g", low, high, slow, fast)
	}
}

// SetCounter replaces what is known about the counter: within an epoch because its rate has been
// measured better, which applies to the past as well, for it has run at one rate since the epoch
// began; and after a disruption because it may be another counter.
func (d *Discipline) SetCounter(counter CounterSpec) {
	d.counter, d.motion.CounterSpec = counter, counter
	d.rates.assume(counter.Drift)
}

// learnRate takes the answer as a pair of facts about the rate.
func (d *Discipline) learnRate(now monotonic.Instant) {
	if !d.motion.stable || !d.answer {
		return
	}
	answer := d.motion.at(d.fused, now)
	d.rates.learn(now, answer.Lo, answer.Hi, d.counter.Resolution)
	d.advance()
	if low, high := d.motion.rate(); low > high {
		d.contradicted(now, fmt.Sprintf("the counter's rate changes faster than its assumed stability allows: true time would have to gain more than %+.3f ppm on it and less than %+.3f ppm", low*1e6, high*1e6))
	}
}

// Bounds returns the answer, if there is one.
func (d *Discipline) Bounds() (Bounds, bool) { return Bounds{d.fused, d.motion}, d.answer }

// Voters returns n, the number of votes.
func (d *Discipline) Voters() int { return len(d.voters) }

// VoterOf returns the vote to which source i belongs, or NoVote.
func (d *Discipline) VoterOf(i int) int { return d.voter[i] }

// Interval returns what source i alone says about true time at now: everything is possible before
// its first answer.
func (d *Discipline) Interval(i int, now monotonic.Instant) agreement.Interval {
	return d.sources[i].window.at(now, &d.motion)
}

// Rate bounds dT/dc − 1 in parts per million: how much faster than the counter true time runs now if
// the stability of the counter is assumed, and how much faster it ran on average over this epoch
// otherwise, as follows from the first answer and the present one alone. Of a counter that is refused it is what
// the voters agree on, whatever its drift.
func (d *Discipline) Rate(now monotonic.Instant) (low, high float64) {
	if d.CounterFaulty() {
		if low, high, ok := d.ShownRate(); ok {
			return (1/(1+high) - 1) * 1e6, (1/(1+low) - 1) * 1e6
		}
	}
	if d.motion.stable {
		m := d.rates.at(now, d.counter)
		low, high = m.rate()
		return low * 1e6, high * 1e6
	}
	slow, fast := -d.counter.Drift.slowRate()*1e6, d.counter.Drift.fastRate()*1e6
	span := float64(now.Sub(d.began))
	if !d.answer || span <= 0 {
		return slow, fast
	}
	first, last := d.first.At(d.began, d.counter), d.motion.at(d.fused, now)
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
