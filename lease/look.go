package lease

import (
	"context"
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/truetime"
)

// Look returns what is in the store under name, and what clock says about it: whom to send a
// request to, for one who does not hold the lease and need not be a candidate for it.
//
//   - [Held]: Holder holds it, and with Token, unless it has given it up since the look or crashed.
//   - [Expired]: nobody holds it. The record is the zero Record if nobody ever did, Holder is empty
//     if it was given up, and otherwise who held it last.
//   - [Uncertain]: Holder may hold it or not. It is so, too, while clock refuses, however long that
//     lasts: the name is still the best there is to go by.
//
// The answer is a hint, and old when it arrives. Only the holder knows, by [Lease.Check], and only
// a token protects. The error is the store's, or wraps ErrCorrupt.
func Look(ctx context.Context, clock truetime.Reader, store Store, name string) (Record, State, error) {
	r, err := find(ctx, clock, store, name)
	if err != nil {
		return Record{}, Uncertain, fmt.Errorf("lease: look at %.80q: %w", name, err)
	}
	if r.free() {
		return r, Expired, nil
	}
	// The clock after the record: what has expired by then had expired when the caller hears of it.
	now, err := clock.Now()
	if err != nil {
		now = truetime.Interval{}
	}
	return r, stateAt(now, r.Expiry), nil
}

func find(ctx context.Context, clock truetime.Reader, store Store, name string) (Record, error) {
	if unset.Nil(clock) || unset.Nil(store) {
		return Record{}, errors.New("it takes a clock and a store, and one is nil")
	}
	if err := checkName(name); err != nil {
		return Record{}, err
	}
	r, err := store.Load(ctx, name)
	if err == nil {
		err = r.validate()
	}
	return r, err
}

// Revoke takes the lease away from whom the record seen names, if the record is still that one, and
// else returns ErrConflict. It is for an operator who has found out why a record is from the future
// ([ErrFromFuture]). The holder, if it lives, goes on until its next renewal, and nothing but a
// [Fence] stops it until then. Its timestamps, and its floor, may be above those of the next
// holder.
func Revoke(ctx context.Context, store Store, name string, seen Record) error {
	if unset.Nil(store) {
		return fmt.Errorf("lease: revoke %.80q: the store is nil", name)
	}
	if err := seen.validate(); err != nil {
		return err
	}
	if seen.free() {
		return nil
	}
	_, err := store.CompareAndSwap(ctx, name, seen.Version, Record{Token: seen.Token, TTL: seen.TTL})
	return err
}
