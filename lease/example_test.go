package lease_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// wallClock stands in for a truetime.Clock, so that the examples need no network: it believes that
// the machine's clock is right within 1 ms, which a program must not.
type wallClock struct{}

func (wallClock) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-time.Millisecond), Latest: now.Add(time.Millisecond)}, nil
}

func Example() {
	ctx := context.Background()
	store := new(lease.MemoryStore) // one that processes share, in a real program
	var fence lease.Fence           // with the data that is to be protected

	candidate := func(holder string) *lease.Candidate {
		c, err := lease.NewCandidate(wallClock{}, store, "compactor", time.Minute, lease.WithHolder(holder))
		if err != nil {
			panic(err)
		}
		return c
	}

	first, err := candidate("alice").Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = candidate("bob").TryAcquire(ctx)
	fmt.Println("bob is refused:", errors.Is(err, lease.ErrTaken))

	err = first.Do(ctx, func(ctx context.Context, token lease.Token) error {
		return fence.Admit(token) // and write, in one step
	})
	fmt.Println("alice writes:", err)
	if err := first.Release(ctx); err != nil {
		fmt.Println(err)
	}

	second, err := candidate("bob").TryAcquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Close()
	fmt.Println("bob writes:", fence.Admit(second.Token()))
	fmt.Println("alice, late:", fence.Admit(first.Token()))
	// Output:
	// bob is refused: true
	// alice writes: <nil>
	// bob writes: <nil>
	// alice, late: lease: stale token; 1 after 2: another has acquired the lease since
}
