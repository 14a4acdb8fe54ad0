package leap

// possible is a set of what may happen at the end of a month.
type possible uint8

const (
	canBeNothing possible = 1 << iota
	canInsert
	canRemove
	anything = canBeNothing | canInsert | canRemove
)

func only(delta int) possible {
	switch delta {
	case 1:
		return canInsert
	case -1:
		return canRemove
	}
	return canBeNothing
}

// deltas returns the least and the greatest change of TAI−UTC that is possible.
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

// question is whether there is a leap second at the start of a month that no table covers.
type question struct {
	at       UTC
	possible possible

	// past means that the epoch began after the leap second, if there is one: all of the epoch is on
	// one side of it. What TAI is called then differs by a second from one possibility to the other,
	// and it is TAI−UTC after it that is the same for all, not the one before.
	past bool

	excluded []possible // for each source, what its last sample excludes
	since    []bool     // for each source, whether it has answered since the smear would have ended
}

// decision is a question that has been answered, or a leap second of a table.
type decision struct {
	at    UTC
	delta int
}

// timelines returns the two timelines that enclose all those that are possible: at any moment slow
// has the greatest TAI−UTC and fast the least.
func timelines(base int64, decided []decision, questions []question) (slow, fast timeline) {
	slow = timeline{base, make([]span, 0, len(decided)+len(questions))}
	fast = timeline{base, make([]span, 0, len(decided)+len(questions))}
	for _, q := range questions {
		least, most := q.possible.deltas()
		if q.past { // the offset after it is known, the one before is what differs
			slow.base -= int64(least) * second
			fast.base -= int64(most) * second
		}
	}
	for i, j := 0, 0; i < len(decided) || j < len(questions); {
		if j == len(questions) || i < len(decided) && decided[i].at < questions[j].at {
			slow.add(decided[i].at, decided[i].delta)
			fast.add(decided[i].at, decided[i].delta)
			i++
			continue
		}
		least, most := questions[j].possible.deltas()
		if questions[j].past {
			least, most = most, least
		}
		slow.add(questions[j].at, most)
		fast.add(questions[j].at, least)
		j++
	}
	return slow, fast
}
