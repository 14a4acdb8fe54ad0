package leasetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/epsilontime/epsilon/lease"
)

const clients = 8

// together runs client in several goroutines at once and joins what they return.
func together(client func(id int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, clients)
	start := make(chan struct{})
	for id := range clients {
		wg.Go(func() {
			<-start
			errs[id] = client(id)
		})
	}
	close(start)
	wg.Wait()
	return errors.Join(errs...)
}

func oneCreates(ctx context.Context, store lease.Store) error {
	for round := range 25 {
		n := fmt.Sprintf("%s %d", name, round)
		var created atomic.Int64
		err := together(func(int) error {
			_, err := store.CompareAndSwap(ctx, n, 0, held(1))
			if err == nil {
				created.Add(1)
				return nil
			}
			if !errors.Is(err, lease.ErrConflict) {
				return fmt.Errorf("store.CompareAndSwap over version 0: %w", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if created.Load() != 1 {
			return fmt.Errorf("%d of %d clients created the same record: want 1", created.Load(), clients)
		}
	}
	return nil
}

// noLostUpdates has every client count the token up. Each count must be there in the end, and each
// version must have been given to one client only.
func noLostUpdates(ctx context.Context, store lease.Store) error {
	const each, attempts = 25, 100_000
	var versions sync.Map
	err := together(func(id int) error {
		for counted, attempt := 0, 0; counted < each; attempt++ {
			if attempt == attempts {
				return fmt.Errorf("%d of %d attempts of a client were conflicts: somebody must get through", attempts-counted, attempts)
			}
			r, err := store.Load(ctx, name)
			if err != nil {
				return fmt.Errorf("store.Load: %w", err)
			}
			next := held(r.Token + 1)
			version, err := store.CompareAndSwap(ctx, name, r.Version, next)
			if errors.Is(err, lease.ErrConflict) {
				continue
			}
			if err != nil {
				return fmt.Errorf("store.CompareAndSwap: %w", err)
			}
			if other, taken := versions.LoadOrStore(version, id); taken {
				return fmt.Errorf("clients %d and %d were both told that theirs is version %d", other, id, version)
			}
			counted++
		}
		return nil
	})
	if err != nil {
		return err
	}
	r, err := store.Load(ctx, name)
	if err != nil {
		return fmt.Errorf("store.Load: %w", err)
	}
	if r.Token != clients*each {
		return fmt.Errorf("%d updates were confirmed and %d are there", clients*each, r.Token)
	}
	return nil
}

// loadsAreFresh has one client write while the others read: no Load may return less than what was
// confirmed, or read by anybody, before it began.
func loadsAreFresh(ctx context.Context, store lease.Store) error {
	var seen atomic.Uint64 // the highest token known to be stored
	raise := func(token uint64) {
		for is := seen.Load(); is < token && !seen.CompareAndSwap(is, token); is = seen.Load() {
		}
	}
	const writes = 100
	var finished atomic.Bool
	return together(func(id int) error {
		if id == 0 {
			defer finished.Store(true)
			var version uint64
			for token := lease.Token(1); token <= writes; token++ {
				var err error
				if version, err = store.CompareAndSwap(ctx, name, version, held(token)); err != nil {
					return fmt.Errorf("store.CompareAndSwap by the only writer: %w", err)
				}
				raise(uint64(token))
				want := held(token)
				want.Version = version
				if err := expect(ctx, store, name, want); err != nil {
					return err
				}
			}
			return nil
		}
		for !finished.Load() {
			before := seen.Load()
			r, err := store.Load(ctx, name)
			if err != nil {
				return fmt.Errorf("store.Load: %w", err)
			}
			if uint64(r.Token) < before {
				return fmt.Errorf("store.Load returned token %d after %d had been stored or read", r.Token, before)
			}
			raise(uint64(r.Token))
		}
		return nil
	})
}
