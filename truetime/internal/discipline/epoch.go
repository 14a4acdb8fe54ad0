package discipline

import (
	"slices"
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/monotonic"
)

// An epoch is brief if it ends before briefSpan, which any rate outside the drift fills with
// contradictions, or before briefSamples a source on average, for clocks that poll rarely. One brief
// epoch may follow a step of somebody's clock, and two a coincidence; maxBriefEpochs in a row are the
// counter's rate. That is forgiven as soon as an epoch is confirmed: more than f voters have given a sample when it
// had lasted for briefSpan, and it has not ended. Not earlier, for where polls are an hour apart nothing but the next
// one can show anything; and not later, however seldom the others answer.
const (
	briefSpan      = 5 * time.Minute
	briefSamples   = 8
	maxBriefEpochs = 3
)

// Cause is the kind of reason for which an epoch ends.
type Cause uint8

// The causes.
const (
	Counter       Cause  = iota // something has happened to the counter
	Pause                       // nothing of the process ran for a while
	Contradiction               // more voters contradict each other or themselves than may be wrong
	Identity                    // two voters that have counted as two may be one machine
	LeapSeconds                 // what was believed about leap seconds is wrong
	Causes        = iota        // how many there are
)

// Disruption says when and why an epoch ended.
type Disruption struct {
	At     monotonic.Instant
	Reason string
}

// contradicted ends the epoch because the facts exclude each other. If that happens again and again
// the counter is faulty.
func (d *Discipline) contradicted(now monotonic.Instant, reason string) {
	if d.isBrief() {
		d.brief++
	}
	if fault := d.CounterFault(); fault != "" {
		reason += "; " + fault
	}
	shown := slices.Clone(d.shown)
	d.Disrupt(now, Contradiction, reason)
	copy(d.shown, shown)
}

// Disrupt ends the epoch: history is dropped and there is no answer until the sources have been
// heard again. The caller knows of something that has happened to the counter.
func (d *Discipline) Disrupt(now monotonic.Instant, cause Cause, reason string) {
	if !d.isBrief() {
		d.brief = 0 // the counter has shown that it can be trusted
	}
	for i := range d.sources {
		d.sources[i] = source{verdict: Unheard}
		d.shown[i] = shownRate{}
	}
	clear(d.said)
	d.epoch++
	d.ended[cause]++
	d.last = Disruption{now, reason}
	d.answer, d.pending, d.confirmed, d.samples = false, false, false, 0
	d.now = now
	d.renewLinks(now)
	d.rates.forget()
	d.motion = d.rates.at(now, d.counter)
	if invariants.Enabled {
		invariants.Check(d.epoch > 1, "epoch %d is not after the one before", d.epoch)
		invariants.Check(!d.answer && d.Heard() == 0, "%d voters and an answer (%t) outlive their epoch", d.Heard(), d.answer)
	}
}

// isBrief reports whether this epoch, if it ended now, would have been a brief one.
func (d *Discipline) isBrief() bool {
	return !d.answer || d.now.Sub(d.began) < briefSpan || d.samples < briefSamples*d.having
}

// confirms reports whether this epoch has shown that the counter can be trusted: more than f voters
// have given a sample, without a contradiction, when the epoch had lasted for so long.
func (d *Discipline) confirms() bool {
	return d.Count(func(i int) bool {
		s := &d.sources[i]
		return s.window.filled > 0 && s.heard.Sub(d.began) >= briefSpan
	}) > d.faulty
}

// CounterFaulty reports whether the counter contradicts the sources again and again. It is refused until
// an epoch is confirmed.
func (d *Discipline) CounterFaulty() bool { return d.brief >= maxBriefEpochs && !d.confirmed }

// Epoch counts the spans between disruptions, from 1.
func (d *Discipline) Epoch() uint64 { return d.epoch }

// Ended returns how many epochs have ended for each cause.
func (d *Discipline) Ended() [Causes]uint64 { return d.ended }

// LastDisruption returns when and why the previous epoch ended; the zero value in the first epoch.
func (d *Discipline) LastDisruption() Disruption { return d.last }
