package leap

import (
	"math"
	"slices"

	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// In converts what a source serves: it shows something from lo to hi, so it is between first and
// last, for every possible course of the leap seconds. Not ok means that the sample must be dropped:
// a stepping source within 5 s of a leap second that is possible, whose stamps mean nothing.
func (b *Belief) In(kind Kind, lo, hi int64) (first, last TAI, ok bool) {
	if b.anchored {
		return convert(kind, &b.slow, &b.fast, lo, hi)
	}
	// As long as the epoch has no answer, each sample is on its own side of each possible leap second;
	// Anchor sees to it that it is the same side for all.
	questions, _ := b.around(UTC(lo))
	if len(questions) > 0 && monthStart(UTC(lo)) != monthStart(UTC(hi)) {
		return 0, 0, false
	}
	slow, fast := b.timelines(questions)
	return convert(kind, &slow, &fast, lo, hi)
}

// Side tells the two sides of a possible leap second apart for what a source serves at p. As long as the
// epoch has no answer, facts from both sides must not be held against each other.
func (b *Belief) Side(p int64) UTC {
	if at := monthStart(UTC(p)); !b.settled(at) {
		return at
	}
	return 0
}

func convert(kind Kind, slow, fast *timeline, lo, hi int64) (first, last TAI, ok bool) {
	switch kind {
	case Atomic:
		return TAI(lo), TAI(hi), true
	case Smearing:
		return fast.fromSmeared(Smeared(lo), Down), slow.fromSmeared(Smeared(hi), Up), true
	}
	if slow.ambiguous(UTC(lo), UTC(hi)) || fast.ambiguous(UTC(lo), UTC(hi)) {
		return 0, 0, false
	}
	return fast.fromUTC(UTC(lo)), slow.fromUTC(UTC(hi)), true
}

// Output converts answers to smeared UTC, as believed at one moment. It is immutable.
//
// # Why the answer is right
//
// The true course of the leap seconds is one of those that are possible. As TAI−UTC of slow is never
// less than the true one and that of fast never more, slow shows at most what the true smeared clock
// shows and fast at least. Each rises with time. So if it is between lo and hi, smeared UTC is
// between what slow shows at lo and what fast shows at hi, rounded outward.
//
// # Why Earliest does not go back
//
// Let lo rise, as it does within an epoch. With the same slow, what it shows rises. When the belief
// changes, it is one of these:
//   - A possibility is struck out. Then slow is replaced by one with TAI−UTC nowhere greater, which
//     shows nowhere less.
//   - A new question is added, of which all possibilities are possible. All timelines agree up to the
//     beginning of its window, and no Output before answered for later: that is its horizon.
//   - A past question is forgotten, or a decided one is kept as decided: the timelines do not change
//     at moments from now on.
//
// No possibility ever comes back within an epoch: what is announced before noon, and may be taken
// back, is not used before noon; and what a table says is not taken back, as tables that disagree
// are refused. So late knowledge only narrows. If it excludes everything that was left, the epoch
// ends ([ErrBroken]), and with it the promise about Earliest.
type Output struct {
	slow, fast timeline
	horizon    TAI

	// From From to Until, both included, smeared UTC is TAI less Offset, in nanoseconds, for every
	// possibility. There is no such moment if From is after Until.
	Offset      int64
	From, Until TAI
}

// Output returns how to convert answers from a moment on that is not before lo.
func (b *Belief) Output(lo TAI) Output {
	o := Output{slow: b.slow, fast: b.fast, horizon: math.MaxInt64, From: 1}
	if b.anchored && b.next <= lastYear {
		o.horizon, _ = b.window(b.next)
	}
	slow, slowFrom, slowUntil, slowOK := b.slow.constant(lo)
	fast, fastFrom, fastUntil, fastOK := b.fast.constant(lo)
	if slowOK && fastOK && slow == fast {
		o.Offset = slow
		o.From, o.Until = max(slowFrom, fastFrom), min(slowUntil, fastUntil, o.horizon)
	}
	return o
}

// Interval converts an answer. Not ok means that it reaches beyond what was thought of at the moment
// of the Output, at least ten days ahead: there is no answer before the belief has been advanced.
func (o *Output) Interval(lo, hi TAI) (earliest, latest Smeared, ok bool) {
	return o.slow.smeared(lo, Down), o.fast.smeared(hi, Up), hi <= o.horizon
}

// Certain returns until when what is called TAI is TAI, as far as is known. In an epoch that began while it was
// known it stays so, for the counter knows no leap seconds. Otherwise as long as it is known of the
// end of each month, from the table or because it has been found out, whether there was a leap second.
func (b *Belief) Certain() TAI {
	switch {
	case b.shift != 0:
		return always
	case b.exact:
		return never
	}
	at := nextMonth(b.table.expiry)
	for ; at <= lastYear; at = nextMonth(at) {
		found := slices.ContainsFunc(b.questions, func(q question) bool {
			return q.at == at && q.possible.decided() && !q.past
		})
		if !found && !b.settled(at) {
			break
		}
	}
	return TAI(saturated.Add(int64(at), b.fast.offset(at-1))) - 1
}

// Report says what is believed at a moment between lo and hi.
func (b *Belief) Report(lo, hi TAI) Report {
	u, _ := b.slow.utc(lo)
	r := Report{Status: None, Expiry: b.table.expiry, Source: b.table.source, Expired: u > b.table.expiry}
	for i := range b.questions {
		q := &b.questions[i]
		begin, end := b.window(q.at)
		if !q.possible.decided() && hi > begin && (lo < end || !q.past) {
			r.Status, r.At = Unknown, q.at
			return r
		}
	}
	for _, l := range b.slow.leaps {
		if begin, end := b.window(l.at); hi > begin && lo < end {
			r.Status, r.At = SmearingNow, l.at
			return r
		}
	}
	return b.pending(r, nextMonth(u))
}

// pending reports a leap second at the end of this month, if one is known or announced.
func (b *Belief) pending(r Report, at UTC) Report {
	delta := 0
	if b.settled(at) {
		delta = int((b.slow.offset(at) - b.slow.offset(at-1)) / second)
	}
	for i := range b.questions {
		if q := &b.questions[i]; q.at == at && b.announced(q) != 0 {
			delta = b.announced(q)
		}
	}
	switch delta {
	case 1:
		r.Status, r.At = PendingInsert, at
	case -1:
		r.Status, r.At = PendingRemove, at
	}
	return r
}
