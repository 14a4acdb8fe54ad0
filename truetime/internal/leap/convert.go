package leap

import "github.com/epsilontime/epsilon/internal/invariants"

// In converts what a source serves: it shows something from lo to hi, so it is between first and
// last, for every possible course of the leap seconds. Not ok means that the sample must be dropped:
// a stepping source within 6 s of a leap second that is possible, whose stamps mean nothing.
func (b *Belief) In(scale Scale, lo, hi int64) (first, last TAI, ok bool) {
	if b.anchored {
		return convert(scale, &b.slow, &b.fast, lo, hi)
	}
	// As long as the epoch has no answer, each sample is on its own side of each possible leap second;
	// Anchor sees to it that it is the same side for all.
	if at := monthStart(UTC(hi)); UTC(lo) < at && !b.settled(at) {
		return 0, 0, false
	}
	q := b.ask(UTC(lo))
	slow, fast := q.enclose(&b.known)
	return convert(scale, &slow, &fast, lo, hi)
}

// Side tells the two sides of a possible leap second apart for what a source serves at p. As long as the
// epoch has no answer, facts from both sides must not be held against each other.
func (b *Belief) Side(p int64) UTC {
	if at := monthStart(UTC(p)); !b.settled(at) {
		return at
	}
	return 0
}

func convert(scale Scale, slow, fast *timeline, lo, hi int64) (first, last TAI, ok bool) {
	switch scale {
	case ScaleTAI:
		return TAI(lo), TAI(hi), true
	case ScaleUTCSmeared:
		return fast.fromSmeared(Smeared(lo), Down), slow.fromSmeared(Smeared(hi), Up), true
	}
	if slow.ambiguous(UTC(lo), UTC(hi)) || fast.ambiguous(UTC(lo), UTC(hi)) {
		return 0, 0, false
	}
	return fast.fromUTC(UTC(lo)), slow.fromUTC(UTC(hi)), true
}

// Output converts answers to smeared UTC, as believed at one moment. It is immutable. Why it is right,
// and why Earliest does not go back, is in the package comment.
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
	o := Output{slow: b.slow, fast: b.fast, horizon: b.question.nextSmear(&b.known), From: 1}
	slow, slowFrom, slowUntil, slowOK := b.slow.constant(lo)
	fast, fastFrom, fastUntil, fastOK := b.fast.constant(lo)
	if slowOK && fastOK && slow == fast {
		o.Offset = slow
		o.From, o.Until = max(slowFrom, fastFrom), min(slowUntil, fastUntil, o.horizon)
	}
	return o
}

// Interval converts an answer. Not ok means that it reaches into the smear of a leap second that the
// belief has not thought of yet, at least a month ahead: advance the belief first.
func (o *Output) Interval(lo, hi TAI) (earliest, latest Smeared, ok bool) {
	earliest, latest = o.slow.smeared(lo, Down), o.fast.smeared(hi, Up)
	if invariants.Enabled && lo <= hi && earliest > latest { // a Check allocates, and Now does not
		invariants.Check(false, "[%d, %d] becomes [%d, %d]", lo, hi, earliest, latest)
	}
	return earliest, latest, hi <= o.horizon
}
