package hlctest

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

// someBound is of today, and needs all 64 bits: a float64, or a column of microseconds, would round
// it.
const someBound hlc.Timestamp = 1_800_000_000_123_456_789

// save saves a bound, and checks that it comes back.
func save(ctx context.Context, store hlc.Store, bound hlc.Timestamp) error {
	if err := store.Save(ctx, bound); err != nil {
		return fmt.Errorf("store.Save of %d: %w", bound, err)
	}
	return expect(ctx, store, bound)
}

// expect loads more than once: a Load must not change what the next one returns.
func expect(ctx context.Context, store hlc.Store, want hlc.Timestamp) error {
	for range 2 {
		bound, err := store.Load(ctx)
		if err != nil {
			return fmt.Errorf("store.Load: %w", err)
		}
		if bound != want {
			return fmt.Errorf("store.Load returned %d: want %d", bound, want)
		}
	}
	return nil
}

func emptyIsZero(ctx context.Context, store hlc.Store) error {
	if err := expect(ctx, store, 0); err != nil {
		return fmt.Errorf("nothing was ever saved: %w", err)
	}
	return nil
}

func lastComesBack(ctx context.Context, store hlc.Store) error {
	for i := range hlc.Timestamp(50) {
		if err := save(ctx, store, someBound+i*1_000_000_001); err != nil {
			return err
		}
	}
	// Most bounds are never loaded.
	for i := range hlc.Timestamp(50) {
		if err := store.Save(ctx, 2*someBound+i); err != nil {
			return fmt.Errorf("store.Save: %w", err)
		}
	}
	return expect(ctx, store, 2*someBound+49)
}

func extremesComeBack(ctx context.Context, store hlc.Store) error {
	for _, bound := range []hlc.Timestamp{1, 2, 1<<31 + 1, 1<<32 + 1, 1<<53 + 1, someBound, math.MaxInt64 - 1, math.MaxInt64} {
		if err := save(ctx, store, bound); err != nil {
			return err
		}
	}
	return nil
}

func closingLowers(ctx context.Context, store hlc.Store) error {
	for i := range hlc.Timestamp(10) {
		bound := someBound + i*5
		if err := save(ctx, store, bound); err != nil {
			return err
		}
		if err := save(ctx, store, bound-3); err != nil {
			return fmt.Errorf("the Save of a clock that is closed, after one of %d: %w", bound, err)
		}
	}
	return nil
}

// sameTwice is what a clock does that is closed at its bound, or opened and closed at once. Where a
// database counts the rows that an UPDATE has changed, none has.
func sameTwice(ctx context.Context, store hlc.Store) error {
	for range 3 {
		if err := save(ctx, store, someBound); err != nil {
			return err
		}
	}
	return nil
}

// fixed is a clock that shows one interval.
type fixed truetime.Interval

func (f fixed) Now() (truetime.Interval, error) { return truetime.Interval(f), nil }

// clockGoesOn opens and closes clocks on the store, each with a time that is past the last one's.
func clockGoesOn(ctx context.Context, store hlc.Store) error {
	var last hlc.Timestamp
	for i := range 5 {
		now := someBound.Time().Add(time.Duration(i) * time.Second)
		// The reserve is an hour, so that nothing but the opening and the closing saves.
		clock, err := hlc.Open(ctx, fixed{now, now.Add(1)}, store, hlc.WithReserve(time.Hour))
		if err != nil {
			return fmt.Errorf("hlc.Open for the time no. %d: %w", i+1, err)
		}
		for range 3 {
			next, err := clock.Now()
			if err != nil {
				return fmt.Errorf("clock.Now: %w", err)
			}
			if next <= last {
				return fmt.Errorf("a clock issued %d after one before it had issued %d", next, last)
			}
			last = next
		}
		if err := clock.Close(); err != nil {
			return err
		}
		if err := expect(ctx, store, last); err != nil {
			return fmt.Errorf("after the clock was closed: %w", err)
		}
	}
	return nil
}
