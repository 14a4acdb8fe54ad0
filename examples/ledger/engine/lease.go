package engine

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/epsilontime/epsilon/lease"
)

// leasePrefix is what the keys of leases begin with.
const leasePrefix = "lease/"

// leases keeps the records of leases in an engine that has no store for them, beside the data that they are about.
type leases struct{ engine Engine }

// Load implements lease.Store.
func (l leases) Load(ctx context.Context, name string) (lease.Record, error) {
	record, _, err := l.load(ctx, name)
	return record, err
}

func (l leases) load(ctx context.Context, name string) (record lease.Record, stored []byte, err error) {
	found, err := l.engine.Read(ctx, Key(leaseKey(name)))
	if err != nil || len(found[0]) == 0 {
		return record, nil, told(err)
	}
	stored = found[0][0].Value
	err = record.UnmarshalBinary(stored)
	return record, stored, err
}

func leaseKey(name string) string { return leasePrefix + url.PathEscape(name) }

// CompareAndSwap implements lease.Store.
func (l leases) CompareAndSwap(ctx context.Context, name string, version uint64, next lease.Record) (uint64, error) {
	record, stored, err := l.load(ctx, name)
	if err != nil {
		return 0, err
	}
	if record.Version != version {
		return 0, fmt.Errorf("%w: %.80q has version %d and not %d", lease.ErrConflict, name, record.Version, version)
	}
	next.Version = version + 1
	value, err := next.MarshalBinary()
	if err != nil {
		return 0, err
	}
	key := leaseKey(name)
	err = l.engine.Apply(ctx, Batch{If: []Condition{{key, stored}}, Put: []Pair{{key, value}}})
	if errors.Is(err, ErrConflict) {
		return 0, fmt.Errorf("%w: %w", lease.ErrConflict, err)
	}
	return next.Version, told(err)
}

// told tells who waits for a lease that an engine which has been closed will not answer any more.
func told(err error) error {
	if errors.Is(err, ErrClosed) {
		return fmt.Errorf("%w: %w", lease.ErrPermanent, err)
	}
	return err
}
