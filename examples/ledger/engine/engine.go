// Package engine is what the ledger needs of a storage engine: ordered keys, reads of one moment,
// and batches that are written if conditions hold. It is as little as Pebble and etcd have in
// common.
//
// The condition is where a fencing token is checked: in the same step as the write that it guards.
package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/lease"
)

var (
	// ErrConflict: a condition does not hold. Nothing was written, and never will be.
	ErrConflict = errors.New("engine: condition does not hold")

	// ErrFormat: the data is not a ledger's, or one of another version.
	ErrFormat = errors.New("engine: not the data of this ledger")

	// ErrClosed: the engine has been closed.
	ErrClosed = errors.New("engine: closed")
)

// Pair is a key with its value.
type Pair struct {
	Key   string
	Value []byte
}

// Range is the keys From ≤ key < To, and at most Limit of them, the lowest; 0 is no limit.
type Range struct {
	From, To string
	Limit    int
}

// Key is the range of one key.
func Key(key string) Range { return Range{From: key, To: key + "\x00", Limit: 1} }

// Prefix is the range of all keys that begin with prefix, which must not end in byte 255.
func Prefix(prefix string) Range {
	return Range{From: prefix, To: prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)}
}

// Condition demands that Key has Value, or that there is no such key if Value is nil.
type Condition struct {
	Key   string
	Value []byte
}

// Batch is written all or not at all, and only if every condition holds at that moment.
type Batch struct {
	If     []Condition
	Put    []Pair
	Delete []string
}

// Engine is a storage engine. Reads and batches are linearizable: each takes effect at one moment
// between call and return.
type Engine interface {
	// Read returns the pairs of each range, in order of their keys, all as of one moment. What it
	// returns will not be lost in a crash.
	Read(ctx context.Context, ranges ...Range) ([][]Pair, error)

	// Apply returns nil once the batch will not be lost in a crash. An error that wraps ErrConflict
	// says that it was not and will never be written; any other leaves it open.
	Apply(ctx context.Context, batch Batch) error

	// Leases returns the store of leases, which are kept beside the data that they are about.
	Leases() lease.Store

	// Close lets go of the engine. Nothing that was applied is lost.
	Close() error
}

const (
	formatKey = "format"
	format    = "epsilon-ledger 2, %d shards"
)

// CheckFormat claims an empty engine for a ledger of so many shards, and refuses one that holds
// anything else.
func CheckFormat(ctx context.Context, e Engine, shards int) error {
	want := fmt.Sprintf(format, shards)
	found, err := e.Read(ctx, Key(formatKey), Range{From: "\x01", To: "\xff", Limit: 1})
	if err != nil {
		return err
	}
	switch {
	case len(found[0]) == 1 && string(found[0][0].Value) == want:
		return nil
	case len(found[0]) == 1:
		return fmt.Errorf("%w: it is %.60q, and this program writes %q; use another folder, or the program that wrote it",
			ErrFormat, found[0][0].Value, want)
	case len(found[1]) != 0:
		return fmt.Errorf("%w: it has keys such as %.60q and says no format; use an empty folder", ErrFormat, found[1][0].Key)
	}
	err = e.Apply(ctx, Batch{If: []Condition{{Key: formatKey}}, Put: []Pair{{formatKey, []byte(want)}}})
	if errors.Is(err, ErrConflict) {
		return CheckFormat(ctx, e, shards) // another node was first
	}
	return err
}
