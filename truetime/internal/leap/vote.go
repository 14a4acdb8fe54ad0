package leap

import (
	"fmt"
	"time"
)

// Hear notes what a source announces, at a moment between lo and hi.
//
// What is announced counts for the end of the UTC day in which it was heard, if that is the end of a
// month: a leap second from the beginning of the day on, the absence of one from an hour after noon
// on. PTP announces a leap second not earlier than 12 hours before (IEEE 1588-2008 9.4), and a hop
// from one NTP server to the next takes up to 1024 s. What is heard in the last 5 s is too late.
func (b *Belief) Hear(source int, say Say, lo, hi TAI) {
	s := &b.heard[source]
	s.say, s.lo, s.hi = say, lo, hi
}

// Saw tells the belief what a source showed: between lo and hi, at a moment that the clock knew to be
// between from and to without this sample. Possibilities by which it would have shown something else are
// excluded.
//
// TAI is the same whatever happens. A source that serves it and says how far UTC is behind, as PTP does,
// is to be given as a stepping one, by what it says UTC is.
func (b *Belief) Saw(source int, kind Kind, lo, hi int64, from, to TAI) {
	begin, end := b.question.smear(&b.known)
	if !b.anchored || kind == Atomic || to < begin {
		return
	}
	s := &b.heard[source]
	s.after = s.after || from > end
	s.excluded = 0
	at := int64(b.question.at)
	if kind == Smearing || hi < at-ambiguity || lo > at+ambiguity {
		s.excluded = b.excludes(kind, lo, hi, from, to)
	}
}

// excludes returns what a sample excludes.
func (b *Belief) excludes(kind Kind, lo, hi int64, from, to TAI) (excluded possible) {
	for _, delta := range []int{-1, 0, 1} {
		t := b.question.timeline(&b.known, delta)
		if first, last, ok := convert(kind, &t, &t, lo, hi); ok && (first > to || last < from) {
			excluded |= only(delta)
		}
	}
	if excluded == anything { // it is wrong in some other way
		return 0
	}
	return excluded
}

// Misdeclared finds the kind by which a source that disagrees with the answer [from, to] would agree with
// it. Steps and smears differ near a leap second only, and an answer that is wide agrees with both.
func (b *Belief) Misdeclared(kind Kind, lo, hi int64, from, to TAI) (other Kind, found bool) {
	if first, last, ok := b.In(kind, lo, hi); !ok || first <= to && last >= from {
		return 0, false
	}
	for _, other := range []Kind{Stepping, Smearing, Atomic} {
		if first, last, ok := b.In(other, lo, hi); ok && other != kind && first <= to && last >= from {
			return other, true
		}
	}
	return 0, false
}

// settle returns what is left of the question after what the voters exclude. The caller keeps it, so
// a possibility that is struck out stays struck out.
//
// f liars cannot bring about anything, because each rule needs the word of at least one voter that is
// right. But a voter that is right about the time may be wrong about a leap second without lying. A flag
// that was set once is passed on for months, and NTP's 0 says that a server has heard of no leap second,
// not that it knows of none. So the rules depend on the month.
//
// All leap seconds so far came at the end of June or December. That there is one takes f+1 voters that
// announce or show it, for nobody does without knowing. That there is none takes all that must be right,
// n−f, and they have to show it: a server that has not heard of it announces the same, and shows the same
// until it happens.
//
// There has never been one at the end of another month. That there is none takes n−f voters that show or
// announce it. That there is one takes n−f that show it. Announcements of one do not count: as long as it
// is not shown, it is allowed for.
func (b *Belief) settle() (left possible, err error) {
	q := &b.question
	left = q.possible
	all, usual := b.voters.Voters-b.voters.Faulty, isUsual(q.at)
	for _, delta := range []int{-1, 0, 1} {
		against := b.voters.Count(func(i int) bool {
			return b.heard[i].excluded&only(delta) != 0 || !usual && delta != 0 && b.says(i) == NoLeap
		})
		knowing := b.voters.Count(func(i int) bool {
			excluded := b.heard[i].excluded
			return excluded&only(delta) != 0 && excluded&canBeNothing != 0
		})
		if usual && knowing > b.voters.Faulty || against >= all {
			left &^= only(delta)
		}
	}
	switch b.announced() {
	case 1:
		left &= canInsert
	case -1:
		left &= canRemove
	}
	if left == 0 {
		return 0, fmt.Errorf("%w: what the voters show or announce at %s excludes what was left",
			ErrBroken, q.at.Std().Format(layout))
	}
	return left, nil
}

// cannotTell reports whether as many voters as must be right have answered after the smear and it is
// still open what has happened. It stays open: their samples are converted for all that is possible, and
// that makes the answer too wide to tell what they show. This happens where most of the sources smear.
func (b *Belief) cannotTell() bool {
	answered := b.voters.Count(func(i int) bool { return b.heard[i].after })
	return !b.question.past && !b.question.possible.decided() && answered >= b.voters.Voters-b.voters.Faulty
}

// travel is how long an announcement takes to get around: three hops.
const travel = 3600 * second

// announced returns the change of TAI−UTC that is believed because it was announced in time, or 0. In an
// epoch that began after it nobody announced it.
func (b *Belief) announced() (delta int) {
	inserts := b.voters.Count(func(i int) bool { return b.says(i) == Insert })
	removes := b.voters.Count(func(i int) bool { return b.says(i) == Remove })
	switch f := b.voters.Faulty; {
	case !isUsual(b.question.at), inserts > f && removes > f: // the latter says that more than f are wrong
		return 0
	case inserts > f:
		return 1
	case removes > f:
		return -1
	}
	return 0
}

// isUsual reports whether leap seconds have come at the end of the month that ends at u. ITU-R TF.460-6
// section 2.1 prefers June and December, then March and September, and allows all.
func isUsual(u UTC) bool {
	month := u.Std().Month()
	return month == time.July || month == time.January
}

// says is what a source announced about the question in time.
func (b *Belief) says(source int) Say {
	noon, _ := b.question.smear(&b.known)
	s := &b.heard[source]
	switch {
	case int64(s.lo) < int64(noon)-halfDay || int64(s.hi) >= int64(noon)+halfDay-ambiguity: // another day
		return Nothing
	case s.say == NoLeap && int64(s.lo) < int64(noon)+travel:
		return Nothing
	}
	return s.say
}
