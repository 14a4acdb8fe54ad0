package leap

// possible is a set of what may happen at the end of a month.
type possible uint8

const (
	canBeNothing possible = 1 << iota
	canInsert
	canRemove
	anything = canBeNothing | canInsert | canRemove
)

// only returns the set of one change of TAI−UTC, in seconds.
func only(delta int) possible {
	switch delta {
	case 1:
		return canInsert
	case -1:
		return canRemove
	}
	return canBeNothing
}

// deltas returns the least and the greatest change of TAI−UTC that is possible, in seconds.
func (p possible) deltas() (least, most int) {
	least, most = 1, -1
	for _, delta := range []int{-1, 0, 1} {
		if p&only(delta) != 0 {
			least, most = min(least, delta), max(most, delta)
		}
	}
	return least, most
}

func (p possible) decided() bool { return p == canBeNothing || p == canInsert || p == canRemove }

// question is whether there is a leap second at the start of a month that the table does not cover.
type question struct {
	at       UTC // never if there is no such month
	next     UTC // the month start after it
	possible possible
	begun    bool // the smear of the leap second may have begun

	// past means that the epoch began after the leap second, if there is one: all of the epoch is on
	// one side of it. Then TAI−UTC after it is what the epoch counts with, and TAI−UTC before it is what
	// differs between the possibilities.
	past bool
}

// timeline returns what t, in which nothing is said about the question, becomes with one of its answers.
func (q *question) timeline(t *timeline, delta int) timeline {
	shift := int64(0)
	if q.past {
		shift = int64(delta) * second
	}
	with := timeline{base: t.base - shift, leaps: make([]span, 0, len(t.leaps)+1)}
	for _, l := range t.leaps {
		with.leaps = append(with.leaps, span{l.at, l.before - shift, l.after - shift})
	}
	with.add(q.at, delta)
	return with
}

// enclose returns the two timelines that enclose those of all possible answers: at any moment slow has the
// greatest TAI−UTC and fast the least.
func (q *question) enclose(t *timeline) (slow, fast timeline) {
	least, most := q.possible.deltas()
	if q.past { // the more there is after, the less there was before
		least, most = most, least
	}
	return q.timeline(t, most), q.timeline(t, least)
}

// smear returns when the smear of the leap second begins, at the earliest, and when it ends, at the
// latest. t says nothing about the question.
func (q *question) smear(t *timeline) (begin, end TAI) {
	if q.at == never {
		return never, never
	}
	before, after := t.last(), t.last()
	if _, most := q.possible.deltas(); q.past {
		before -= int64(most) * second
	} else {
		after += int64(most) * second
	}
	return TAI(int64(q.at) + before - halfDay), TAI(int64(q.at) + after + halfDay)
}

// nextSmear returns when the smear of a leap second at the end of the month after begins, at the earliest.
func (q *question) nextSmear(t *timeline) TAI {
	if q.next > lastYear {
		return never
	}
	after := t.last()
	if least, _ := q.possible.deltas(); !q.past {
		after += int64(least) * second
	}
	return TAI(int64(q.next) + after - halfDay)
}
