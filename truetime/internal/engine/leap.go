package engine

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// Reasons for which a sample cannot be converted to the scale in which the engine counts.
var (
	ErrNearLeap = errors.New("it is stamped within 6 s of a leap second, or of a possible one, " +
		"where a stamp of a clock that steps may be either of two moments")
	ErrNearLeapTAI = errors.New("it is within a minute of a leap second, or of a possible one, " +
		"where the source may count with the TAI−UTC before or after it, " +
		"and the leap second table has expired: install a newer one")
	ErrNoTAIOffset = errors.New("the source serves TAI and does not say how far that is ahead of UTC, " +
		"and the leap second table has expired: install a newer one")
)

// scales is how the engine goes from the scales of its sources to the one in which it counts, and
// from that to smeared UTC, the scale of the answers.
//
// It counts in what it calls TAI (see package leap), unless all voters serve smeared UTC as it is
// answered: then it counts in that, and whatever is known about leap seconds makes no difference. A
// smear looks like a counter that drifts by 11.6 ppm more, which the drift allows for. It would break
// an assumption about the counter's stability, so a clock that has one counts in TAI all the same.
type scales struct {
	declared []leap.Scale // what each source is said to serve
	smeared  bool         // it counts in smeared UTC
	table    *leap.Table
	belief   *leap.Belief // nil if it counts in smeared UTC

	epoch uint64            // that the belief is about
	began monotonic.Instant // no fact of this epoch is older
}

func newScales(config Config) scales {
	s := scales{declared: config.Scale, table: config.Table, began: config.Now, epoch: 1}
	if s.table == nil {
		s.table = leap.BuiltIn()
	}
	if s.declared == nil {
		s.declared = make([]leap.Scale, len(config.Discipline.Voter))
	}
	s.smeared = config.Discipline.Stability == discipline.Stability{}
	for i, v := range config.Discipline.Voter {
		if v != discipline.NoVote && s.declared[i] != leap.ScaleUTCSmeared {
			s.smeared = false
		}
	}
	return s
}

// smearRate is above the rate of a smear from noon to noon against TAI, 1/86401 or −1/86399.
const smearRate = 11.58e-6

// widen returns what is known about the counter as a counter of the engine's scale.
func (s *scales) widen(counter discipline.CounterSpec) discipline.CounterSpec {
	if s.smeared {
		counter.Drift = counter.Drift.Scaled(-smearRate, smearRate)
	}
	return counter
}

// pauses returns what the counter may lose unseen, d of true time, in nanoseconds of any scale: a second of smeared UTC may be that much longer.
func pauses(d int64) int64 { return saturated.Add(d, int64(math.Ceil(float64(d)*smearRate))) }

// anchored reports whether there is a belief, and it knows the answer.
func (s *scales) anchored() bool { return s.belief != nil && s.belief.Anchored() }

// forget forgets what source i has said about leap seconds.
func (s *scales) forget(i int) {
	if s.belief != nil {
		s.belief.Forget(i)
	}
}

// believe brings what is believed about leap seconds up to date with the answer. It may end the epoch.
func (e *Engine) believe(now monotonic.Instant) {
	s := &e.scales
	if s.belief == nil {
		return
	}
	if epoch := e.discipline.Epoch(); epoch != s.epoch {
		s.belief.Restart()
		s.epoch, s.began = epoch, now
	}
	i, ok := e.bounds(now)
	if !ok {
		return
	}
	var err error
	if s.belief.Anchored() {
		err = s.belief.Advance(leap.TAI(i.Lo), leap.TAI(i.Hi))
	} else {
		span := now.Sub(s.began)
		from := saturated.Sub(i.Lo, int64(span+span/4)) // the drift is no more than an eighth
		err = s.belief.Anchor(leap.TAI(saturated.Sub(from, e.pause)), leap.TAI(i.Lo), leap.TAI(i.Hi))
	}
	if err != nil {
		e.discipline.Disrupt(now, discipline.LeapSeconds, err.Error())
		e.believe(now)
	}
}

// bounds returns the answer for now, in the engine's scale, if there is one.
func (e *Engine) bounds(now monotonic.Instant) (agreement.Interval, bool) {
	bounds, ok := e.discipline.Bounds()
	if !ok {
		return agreement.Interval{}, false
	}
	i := bounds.At(now)
	return i, i.Bounded()
}

// convert takes what a source has served to the engine's scale. Before that the belief hears it.
func (e *Engine) convert(i int, r Reply, now monotonic.Instant) (discipline.Facts, error) {
	s, f, scale := &e.scales, r.Facts, e.scales.declared[i]
	if s.smeared { // whatever else it is, it has no vote
		f.Upper.Time, f.Lower.Time = int64(s.fromOther(scale, f.Upper.Time, leap.Up)), int64(s.fromOther(scale, f.Lower.Time, leap.Down))
		return f, nil
	}
	if scale == leap.ScaleTAI {
		return e.convertTAI(i, r, now)
	}
	e.inform(i, scale, f, r.Say, now)
	return e.inTAI(i, scale, f)
}

// fromOther is what somebody without a vote serves in smeared UTC. Nothing follows from it.
func (s *scales) fromOther(scale leap.Scale, t int64, round leap.Round) leap.Smeared {
	var c leap.TAI
	switch scale {
	case leap.ScaleTAI:
		c = leap.TAI(t)
	case leap.ScaleUTCSmeared:
		c = s.table.FromSmeared(leap.Smeared(t), round)
	default:
		c, _ = s.table.FromUTC(leap.UTC(t))
	}
	return s.table.Smeared(c, round)
}

// convertTAI is convert for a source that serves TAI. As long as it is certain what TAI is, that is all
// there is to it. Later on what the engine calls TAI may be a second or more off, so what the source says
// UTC is counts, but not close to a possible leap second: PTP changes its offset with one of the Announce
// messages around it. Farther from it what the source says UTC is shows whether it has happened.
func (e *Engine) convertTAI(i int, r Reply, now monotonic.Instant) (discipline.Facts, error) {
	utc, clear := e.inUTC(r)
	shows := discipline.Facts{Upper: discipline.Point{At: now, Time: math.MaxInt64}, Lower: discipline.Point{At: now, Time: math.MinInt64}}
	if clear {
		shows = utc
	}
	e.inform(i, leap.ScaleUTC, shows, r.Say, now)
	switch {
	case leap.TAI(r.Facts.Upper.Time) <= e.scales.belief.Certain():
		return r.Facts, nil
	case r.TAIOffset == 0:
		return r.Facts, ErrNoTAIOffset
	case !clear:
		return r.Facts, ErrNearLeapTAI
	}
	return e.inTAI(i, leap.ScaleUTC, utc)
}

// inUTC returns what a source of TAI says about UTC, and whether it says so and that is clear of any leap second.
func (e *Engine) inUTC(r Reply) (f discipline.Facts, clear bool) {
	f = r.Facts
	f.Upper.Time = saturated.Sub(f.Upper.Time, int64(r.TAIOffset))
	f.Lower.Time = saturated.Sub(f.Lower.Time, int64(r.TAIOffset))
	first, last := saturated.Sub(min(f.Lower.Time, f.Upper.Time), announceLag), saturated.Add(max(f.Lower.Time, f.Upper.Time), announceLag)
	_, _, clear = e.scales.belief.In(leap.ScaleUTC, first, last)
	return f, clear && r.TAIOffset != 0
}

// announceLag is for how long before and after a leap second it is not taken for certain which TAI−UTC a source of TAI
// announces. PTP changes it within two Announce intervals of the leap second (IEEE 1588-2008 9.4), each of
// up to 16 s (J.3.2), and a boundary clock passes it on with the next of its own.
const announceLag = int64(time.Minute)

func (e *Engine) inTAI(i int, scale leap.Scale, f discipline.Facts) (discipline.Facts, error) {
	first, last, ok := e.scales.belief.In(scale, f.Lower.Time, f.Upper.Time)
	if !ok {
		return f, ErrNearLeap
	}
	if s := &e.sources[i]; !e.scales.anchored() {
		side := e.scales.belief.Side(f.Lower.Time)
		if s.side != side {
			e.discipline.Forget(i)
		}
		s.side = side
	}
	f.Lower.Time, f.Upper.Time = int64(first), int64(last)
	return f, nil
}

// inform tells the belief what a source announces and what it shows, if the epoch has an answer that
// this can be held against.
func (e *Engine) inform(i int, scale leap.Scale, f discipline.Facts, say leap.Say, now monotonic.Instant) {
	answer, ok := e.bounds(now)
	if !ok || !e.scales.anchored() || !e.discipline.Votes(i) {
		return
	}
	if scale == leap.ScaleUTCSmeared {
		say = leap.Nothing // whatever its server knows, it shows no leap indicator (RFC 8633 section 3.7.1)
	}
	from, to := leap.TAI(answer.Lo), leap.TAI(answer.Hi)
	e.scales.belief.Hear(i, say, from, to)
	lo, hi := e.shown(f, now)
	e.scales.belief.Saw(i, scale, lo, hi, from, to)
	e.believe(now)
}

// shown is what a source shows now, in its own scale: within what its facts allow, generously, because a
// counter may drift by an eighth and a smear run by a tenth, and may have lost since what is allowed for.
func (e *Engine) shown(f discipline.Facts, now monotonic.Instant) (lo, hi int64) {
	since := int64(now.Sub(f.Lower.At))
	lo = saturated.Add(f.Lower.Time, since-since/4)
	since = int64(now.Sub(f.Upper.At))
	hi = saturated.Add(saturated.Add(f.Upper.Time, since+since/4+1), e.pause)
	return lo, hi
}

// suspect looks for another scale in which a source that disagrees with the answer would agree with
// it.
func (e *Engine) suspect(i int, f discipline.Facts, now monotonic.Instant) {
	s := &e.sources[i]
	s.suspected = false
	answer, ok := e.bounds(now)
	if !ok || !e.scales.anchored() {
		return
	}
	lo, hi := e.shown(f, now)
	s.suspicion, s.suspected = e.scales.belief.Misdeclared(e.scales.declared[i], lo, hi, leap.TAI(answer.Lo), leap.TAI(answer.Hi))
}

// SuspicionError is what may be the matter with a source that disagrees with the answer in the scale that it
// is declared to serve, and would agree in another one.
type SuspicionError struct{ Declared, Other leap.Scale }

func (e *SuspicionError) Error() string {
	return fmt.Sprintf("it disagrees, and would not if it served %v: it is declared to serve %v", e.Other, e.Declared)
}

// Suspicion returns a [*SuspicionError] if source i is suspected of serving another scale than declared.
func (e *Engine) Suspicion(i int) error {
	if s := &e.sources[i]; s.suspected {
		return &SuspicionError{e.scales.declared[i], s.suspicion}
	}
	return nil
}

// Learn takes a leap second table. The error says why it is not used, or why the epoch has ended.
func (e *Engine) Learn(table *leap.Table, now monotonic.Instant) error {
	if e.scales.belief == nil {
		newest, err := leap.Newest(e.scales.table, table)
		if err == nil {
			e.scales.table = newest
		}
		return err
	}
	err := e.scales.belief.Learn(table)
	e.scales.table = e.scales.belief.Table()
	if errors.Is(err, leap.ErrBroken) {
		epoch := e.discipline.Epoch()
		e.discipline.Disrupt(now, discipline.LeapSeconds, err.Error())
		e.believe(now)
		e.afterEpoch(epoch, now)
	}
	return err
}

// Shown converts what a source says of true time, bounded on both sides, to smeared UTC.
func (e *Engine) Shown(i agreement.Interval) (lo, hi int64) {
	if e.scales.smeared {
		return i.Lo, i.Hi
	}
	output := e.scales.belief.Output(leap.TAI(i.Lo))
	first, last, _ := output.Interval(leap.TAI(i.Lo), leap.TAI(i.Hi))
	return int64(first), int64(last)
}

// Leap reports what is believed about leap seconds now.
func (e *Engine) Leap(now monotonic.Instant) leap.Report {
	table := e.scales.table
	i, ok := e.bounds(now)
	switch {
	case !ok:
		return leap.Report{Status: leap.NoAnswer, Expiry: table.Expiry(), Source: table.Source()}
	case e.scales.smeared:
		return leap.Report{Status: leap.SmearedBySources, Expiry: table.Expiry(), Source: table.Source(), Expired: i.Lo > int64(table.Expiry())}
	}
	return e.scales.belief.Report(leap.TAI(i.Lo), leap.TAI(i.Hi))
}

// Table returns the leap second table in use.
func (e *Engine) Table() *leap.Table { return e.scales.table }

// CountsSmeared reports whether the engine counts in smeared UTC, and needs to know nothing about leap seconds.
func (e *Engine) CountsSmeared() bool { return e.scales.smeared }
