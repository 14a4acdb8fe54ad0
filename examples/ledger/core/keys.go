package core

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

// How a shard lies in the engine. Versions of an account sort newest first, so that the version as
// of a timestamp is the first key from there on.
//
//	0003/fence                   the token of the leader
//	0003/horizon                 no snapshot before this timestamp is served any more
//	0003/forgotten               nor is a vote given to a transaction that began before this
//	0003/v/alice/e7a1...         a balance, under the complement of its commit timestamp
//	0003/p/<ballot>              prepared: voted for, and not yet decided
//	0003/t/<transaction>         decided, as its coordinator
//	0003/t/<ballot>              decided, and carried out as a participant

func fenceKey(shard int) string         { return fmt.Sprintf("%04d/fence", shard) }
func horizonKey(shard int) string       { return fmt.Sprintf("%04d/horizon", shard) }
func forgottenKey(shard int) string     { return fmt.Sprintf("%04d/forgotten", shard) }
func preparedPrefix(shard int) string   { return fmt.Sprintf("%04d/p/", shard) }
func versionsPrefix(shard int) string   { return fmt.Sprintf("%04d/v/", shard) }
func decidedKey(s int, t string) string { return fmt.Sprintf("%04d/t/%s", s, t) }

func versionKey(shard int, account string, at truetime.Time) string {
	return fmt.Sprintf("%s%s/%016x", versionsPrefix(shard), account, ^uint64(at))
}

// versionAt is where the balance of an account as of a timestamp is found.
func versionAt(shard int, account string, at truetime.Time) engine.Range {
	return engine.Range{From: versionKey(shard, account, at), To: fmt.Sprintf("%s%s0", versionsPrefix(shard), account), Limit: 1}
}

const endOfTime = truetime.Time(1<<63 - 1)

// decision is what became of a transaction.
type decision struct {
	Refused   string        `json:",omitempty"` // a code of the error; empty if it was committed
	Timestamp truetime.Time // of the commit; if it was refused, when that was
	Changes   []Change      `json:",omitempty"` // as the client asked, to tell an id that is used twice
	Balances  map[string]int64

	waited, uncertainty time.Duration // told to the client who waits for it
}

// ballot is under what a participant keeps its vote: two transactions of different coordinators
// that were given the same id must not be taken for one.
func ballot(id string, coordinator int) string { return fmt.Sprintf("%s/%d", id, coordinator) }

// vote is a participant's promise to commit if the coordinator does.
type vote struct {
	Timestamp   truetime.Time // nothing is committed here before it
	Coordinator int
	Changes     []Change
	Balances    map[string]int64 // after the changes
}

func put(key string, value any) engine.Pair {
	data, err := json.Marshal(value)
	if err != nil {
		panic("ledger: " + err.Error()) // plain structs can be marshalled
	}
	return engine.Pair{Key: key, Value: data}
}

func read[T any](found []engine.Pair) (value T, ok bool, err error) {
	if len(found) == 0 {
		return value, false, nil
	}
	if err := json.Unmarshal(found[0].Value, &value); err != nil {
		return value, false, fmt.Errorf("ledger: %q holds %.80q: %w", found[0].Key, found[0].Value, err)
	}
	return value, true, nil
}

// as is the condition that a key still has what was found under it.
func as(key string, found []engine.Pair) engine.Condition {
	if len(found) == 0 {
		return engine.Condition{Key: key}
	}
	return engine.Condition{Key: key, Value: found[0].Value}
}

func versions(shard int, balances map[string]int64, at truetime.Time) (pairs []engine.Pair) {
	for account, balance := range balances {
		pairs = append(pairs, engine.Pair{Key: versionKey(shard, account, at), Value: strconv.AppendInt(nil, balance, 10)})
	}
	return pairs
}
