package judge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func write(id string, begin, end int, at int64, from, to string, amount, fromAfter, toAfter int64) Event {
	return Event{Kind: Write, ID: id, Begin: time.Duration(begin), End: time.Duration(end), Timestamp: at,
		Deltas: map[string]int64{from: -amount, to: amount}, Balances: map[string]int64{from: fromAfter, to: toAfter}}
}

func load() Event {
	return Event{Kind: Write, ID: "load", Begin: 0, End: 1, Timestamp: 1,
		Deltas: map[string]int64{"a": 100, "b": 100}, Balances: map[string]int64{"a": 100, "b": 100}}
}

func read(kind Kind, begin, end int, at, a, b int64) Event {
	return Event{Kind: kind, ID: "r", Begin: time.Duration(begin), End: time.Duration(end), Timestamp: at, Balances: map[string]int64{"a": a, "b": b}}
}

func TestGoodHistoryHasNoViolations(t *testing.T) {
	v := Judge([]Event{load(),
		write("1", 2, 6, 10, "a", "b", 10, 90, 110),
		write("2", 3, 8, 12, "b", "a", 5, 105, 95),
		read(Read, 9, 10, 12, 95, 105),
		read(Read, 11, 12, 11+2, 95, 105),
		read(Snapshot, 11, 12, 10, 90, 110),
		read(Snapshot, 11, 12, 1, 100, 100),
	})
	require.Empty(t, v.Violations)
	require.Equal(t, []int{3, 2, 2}, []int{v.Writes, v.Reads, v.Snapshots})
}

func TestEachBrokenPromiseIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		promise string
		events  []Event
	}{
		"a later write has an earlier timestamp":  {OrderPromise, []Event{load(), write("1", 2, 6, 10, "a", "b", 10, 90, 110), write("2", 7, 8, 9, "a", "b", 10, 80, 120)}},
		"two writes in order with one timestamp":  {OrderPromise, []Event{load(), write("1", 2, 6, 10, "a", "b", 10, 90, 110), write("2", 7, 8, 10, "a", "b", 10, 80, 120)}},
		"a read is before a write that had ended": {OrderPromise, []Event{load(), write("1", 2, 6, 10, "a", "b", 10, 90, 110), read(Read, 7, 8, 9, 100, 100)}},
		"a write is before a read that had ended": {OrderPromise, []Event{load(), read(Read, 2, 3, 9, 100, 100), write("1", 4, 6, 8, "a", "b", 10, 90, 110)}},
		"money vanishes":                   {MoneyPromise, []Event{load(), read(Snapshot, 2, 3, 9, 100, 99)}},
		"a write is lost":                  {ReplayPromise, []Event{load(), write("1", 2, 6, 10, "a", "b", 10, 90, 110), read(Read, 7, 8, 11, 100, 100)}},
		"a write is applied twice":         {ReplayPromise, []Event{load(), write("1", 2, 6, 10, "a", "b", 10, 90, 110), read(Read, 7, 8, 11, 80, 120)}},
		"a snapshot shows what came later": {ReplayPromise, []Event{load(), write("1", 2, 6, 10, "a", "b", 10, 90, 110), read(Snapshot, 7, 8, 9, 90, 110)}},
		"an update is lost":                {AccountPromise, []Event{load(), write("1", 2, 6, 10, "a", "b", 10, 90, 110), write("2", 7, 8, 11, "a", "b", 10, 90, 110)}},
		"a stale read":                     {AccountPromise, []Event{load(), write("1", 2, 6, 10, "a", "b", 10, 90, 110), read(Read, 7, 8, 11, 100, 100)}},
	} {
		t.Run(name, func(t *testing.T) {
			v := Judge(c.events)
			require.NotZero(t, v.Count(c.promise), "%v", v.Violations)
		})
	}
}

func TestOverlappingTransactionsMayHaveAnyOrder(t *testing.T) {
	require.Empty(t, Order([]Event{write("1", 2, 6, 10, "a", "b", 1, 0, 0), write("2", 6, 8, 9, "a", "b", 1, 0, 0)}))
	require.Empty(t, Order([]Event{read(Read, 2, 3, 9, 0, 0), read(Read, 5, 6, 8, 0, 0)}))
}
