package leap

// Hear notes what a source announces, at a moment between lo and hi.
//
// What is announced counts for the end of the UTC day in which it was heard, if that is the end of a
// month: a leap second from the beginning of the day on, the absence of one from an hour after noon
// on. PTP announces a leap second not earlier than 12 hours before (IEEE 1588-2008 9.4), and a hop
// from one NTP server to the next takes up to 1024 s. What is heard in the last 6 s is too late.
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
func (b *Belief) Saw(source int, scale Scale, lo, hi int64, from, to TAI) {
	begin, end := b.question.smear(&b.known)
	if !b.anchored || scale == ScaleTAI || to < begin {
		return
	}
	s := &b.heard[source]
	s.after = s.after || from > end
	s.excluded = 0
	at := int64(b.question.at)
	if scale == ScaleUTCSmeared || hi < at-ambiguity || lo > at+ambiguity {
		s.excluded = b.excludes(scale, lo, hi, from, to)
	}
}

// excludes returns what a sample excludes.
func (b *Belief) excludes(scale Scale, lo, hi int64, from, to TAI) (excluded possible) {
	for _, delta := range []int{-1, 0, 1} {
		t := b.question.timeline(&b.known, delta)
		if first, last, ok := convert(scale, &t, &t, lo, hi); ok && (first > to || last < from) {
			excluded |= only(delta)
		}
	}
	if excluded == anything { // it is wrong in some other way
		return 0
	}
	return excluded
}

// Misdeclared finds the scale by which a source that disagrees with the answer [from, to] would agree with
// it. Steps and smears differ near a leap second only, and an answer that is wide agrees with both.
func (b *Belief) Misdeclared(scale Scale, lo, hi int64, from, to TAI) (other Scale, found bool) {
	if first, last, ok := b.In(scale, lo, hi); !ok || first <= to && last >= from {
		return 0, false
	}
	for _, other := range []Scale{ScaleUTC, ScaleUTCSmeared, ScaleTAI} {
		if first, last, ok := b.In(other, lo, hi); ok && other != scale && first <= to && last >= from {
			return other, true
		}
	}
	return 0, false
}

// travel is how long an announcement takes to get around: three hops.
const travel = 3600 * second
