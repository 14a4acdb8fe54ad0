package leasetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/lease"
)

const name = "leasetest"

func held(token lease.Token) lease.Record {
	return lease.Record{Holder: "holder", Session: lease.Session{1, 15: 2}, Token: token, Expiry: 1_800_000_000_123_456_789, TTL: 10 * time.Second}
}

func emptyIsZero(ctx context.Context, store lease.Store) error {
	r, err := store.Load(ctx, name)
	if err != nil || r != (lease.Record{}) {
		return fmt.Errorf("store.Load of a name that was never stored returned %+v, %v: want the zero Record and no error", r, err)
	}
	return nil
}

// put stores next over version and checks that it comes back.
func put(ctx context.Context, store lease.Store, name string, version uint64, next lease.Record) (uint64, error) {
	got, err := store.CompareAndSwap(ctx, name, version, next)
	if err != nil {
		return 0, fmt.Errorf("store.CompareAndSwap of %.40q over version %d: %w", name, version, err)
	}
	if got <= version {
		return 0, fmt.Errorf("store.CompareAndSwap of %.40q over version %d returned version %d: it must grow", name, version, got)
	}
	next.Version = got
	return got, expect(ctx, store, name, next)
}

func expect(ctx context.Context, store lease.Store, name string, want lease.Record) error {
	r, err := store.Load(ctx, name)
	if err != nil {
		return fmt.Errorf("store.Load of %.40q: %w", name, err)
	}
	if r != want {
		return fmt.Errorf("store.Load of %.40q returned %+v, want %+v", name, r, want)
	}
	return nil
}

func fieldsComeBack(ctx context.Context, store lease.Store) error {
	version, err := put(ctx, store, name, 0, held(1))
	if err != nil {
		return err
	}
	another := lease.Record{Holder: "another", Session: lease.Session{9}, Token: 7, Expiry: 1, TTL: 1}
	if version, err = put(ctx, store, name, version, another); err != nil {
		return err
	}
	_, err = put(ctx, store, name, version, lease.Record{Token: 7, TTL: time.Second}) // given up
	return err
}

func versionsGrow(ctx context.Context, store lease.Store) error {
	var version uint64
	for range 20 {
		// The same content again is another version, or a request of the past could be taken for
		// one of the present.
		next := held(1)
		next.Version = 12345 // to be ignored
		var err error
		if version, err = put(ctx, store, name, version, next); err != nil {
			return err
		}
	}
	return nil
}

func otherVersionConflicts(ctx context.Context, store lease.Store) error {
	refuse := func(version uint64, present lease.Record) error {
		_, err := store.CompareAndSwap(ctx, name, version, held(99))
		if !errors.Is(err, lease.ErrConflict) {
			return fmt.Errorf("store.CompareAndSwap over version %d returned %v where the version is %d: want ErrConflict", version, err, present.Version)
		}
		return expect(ctx, store, name, present)
	}
	if err := refuse(1, lease.Record{}); err != nil {
		return err
	}
	first, err := put(ctx, store, name, 0, held(1))
	if err != nil {
		return err
	}
	second, err := put(ctx, store, name, first, held(2))
	if err != nil {
		return err
	}
	present := held(2)
	present.Version = second
	for _, version := range []uint64{0, first, second + 1, math.MaxUint64} {
		if err := refuse(version, present); err != nil {
			return err
		}
	}
	return nil
}

func extremesComeBack(ctx context.Context, store lease.Store) error {
	extremes := []lease.Record{
		{Holder: strings.Repeat("h", lease.MaxName), Session: lease.Session{255, 255}, Token: math.MaxUint64 - 1, Expiry: math.MaxInt64, TTL: lease.MaxTTL},
		{Holder: "\x01 \n\"'%;--", Session: lease.Session{15: 1}, Token: 1, Expiry: math.MinInt64, TTL: 1},
		{Holder: "保持者", Session: lease.Session{1}, Token: 1<<63 + 1, Expiry: 1<<53 + 1, TTL: lease.MaxTTL - 1},
	}
	var version uint64
	for _, next := range extremes {
		var err error
		if version, err = put(ctx, store, name, version, next); err != nil {
			return err
		}
	}
	return nil
}

func namesAreApart(ctx context.Context, store lease.Store) error {
	names := []string{
		name, name + " ", name + "/a", name + "/../b", name + "A", name + "a", name + ".", name + "\n", name + "%00",
		name + "'; --", name + "名", name + strings.Repeat("x", lease.MaxName-len(name)), name + strings.Repeat("x", lease.MaxName-len(name)-1),
	}
	versions := make([]uint64, len(names))
	for i, n := range names {
		var err error
		if versions[i], err = put(ctx, store, n, 0, held(lease.Token(i+1))); err != nil {
			return err
		}
	}
	for i, n := range names {
		want := held(lease.Token(i + 1))
		want.Version = versions[i]
		if err := expect(ctx, store, n, want); err != nil {
			return err
		}
	}
	return nil
}

func endedContext(ctx context.Context, store lease.Store) error {
	version, err := put(ctx, store, name, 0, held(1))
	if err != nil {
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := store.Load(ended, name); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("store.Load with a cancelled context returned %v: want an error that wraps context.Canceled", err)
	}
	for _, v := range []uint64{version, version + 1} {
		_, err = store.CompareAndSwap(ended, name, v, held(2))
		if !errors.Is(err, context.Canceled) || errors.Is(err, lease.ErrConflict) {
			return fmt.Errorf("store.CompareAndSwap with a cancelled context returned %v: want an error that wraps context.Canceled and not ErrConflict", err)
		}
	}
	return nil
}
