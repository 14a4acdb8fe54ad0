package judge

import (
	"slices"
)

// MoneyPromise: transfers move money, so all that is there as of one timestamp is always the same.
const MoneyPromise = "conservation of money"

// Money checks every read, at now and of the past, against what was paid in by its timestamp. Each
// read must be of all accounts.
func Money(events []Event) (violations []Violation) {
	paid := timeline(events)
	for _, e := range events {
		if e.Kind == Write {
			continue
		}
		var want int64
		for _, w := range paid {
			if w.Timestamp <= e.Timestamp {
				want += sum(w.Deltas)
			}
		}
		if got := sum(e.Balances); got != want {
			violations = append(violations, violation(MoneyPromise, []Event{e}, "%s %s shows %d in all, and %d were paid in", e.Kind, e.ID, got, want))
		}
	}
	return violations
}

// timeline returns the writes that pay in or out, in the order of their timestamps.
func timeline(events []Event) (writes []Event) {
	for _, e := range events {
		if e.Kind == Write && sum(e.Deltas) != 0 {
			writes = append(writes, e)
		}
	}
	return writes
}

// ReplayPromise: a read shows just the writes that were acknowledged with timestamps up to its own.
// None is lost, none is applied twice, and none that was refused is applied at all.
const ReplayPromise = "snapshot"

// Replay runs through the writes in the order of their timestamps and compares every read.
func Replay(events []Event) (violations []Violation) {
	ordered := slices.Clone(events)
	slices.SortStableFunc(ordered, func(a, b Event) int {
		switch {
		case a.Timestamp != b.Timestamp:
			return int(max(-1, min(1, a.Timestamp-b.Timestamp)))
		case a.Kind == Write && b.Kind != Write:
			return -1
		case a.Kind != Write && b.Kind == Write:
			return 1
		}
		return 0
	})
	balances := make(map[string]int64)
	for _, e := range ordered {
		if e.Kind == Write {
			for account, delta := range e.Deltas {
				balances[account] += delta
			}
			continue
		}
		for account, want := range balances {
			if got := e.Balances[account]; got != want {
				violations = append(violations, violation(ReplayPromise, []Event{e},
					"%s %s shows %d in %s, where the writes up to its timestamp come to %d", e.Kind, e.ID, got, account, want))
				break
			}
		}
	}
	return violations
}
