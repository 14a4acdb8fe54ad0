package judge

import (
	"slices"
	"time"
)

// OrderPromise is external consistency: if one transaction ended before another began, its
// timestamp is smaller. A read at now has no effect that others could come before or after, so two
// reads are not held against each other, and a read may have the very timestamp of a write that it
// sees.
const OrderPromise = "external consistency"

// Order checks every pair in O(n log n): it goes through the events by their beginnings and keeps
// the highest timestamp of those that had ended by then.
func Order(events []Event) (violations []Violation) {
	var begins []Event
	for _, e := range events {
		if e.Kind != Snapshot {
			begins = append(begins, e)
		}
	}
	ends := slices.Clone(begins)
	slices.SortFunc(begins, func(a, b Event) int { return int(a.Begin - b.Begin) })
	slices.SortFunc(ends, func(a, b Event) int { return int(a.End - b.End) })
	var write, read Event
	for _, e := range begins {
		for len(ends) > 0 && ends[0].End < e.Begin {
			switch ended := ends[0]; {
			case ended.Kind == Write && ended.Timestamp > write.Timestamp:
				write = ended
			case ended.Kind == Read && ended.Timestamp > read.Timestamp:
				read = ended
			}
			ends = ends[1:]
		}
		before := write
		if e.Kind == Write && read.Timestamp > write.Timestamp {
			before = read
		}
		if before.Timestamp > e.Timestamp || e.Kind == Write && before.Timestamp == e.Timestamp {
			violations = append(violations, violation(OrderPromise, []Event{before, e},
				"%s %s ended %v before %s %s began, and has a timestamp %v later", before.Kind, before.ID,
				e.Begin-before.End, e.Kind, e.ID, time.Duration(before.Timestamp-e.Timestamp)))
		}
	}
	return violations
}
