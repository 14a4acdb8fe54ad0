package commitwait_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// fixed is a clock that trusts the host to be within ε of true time. A real one is a
// truetime.Clock.
type fixed struct{ epsilon time.Duration }

func (f fixed) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-f.epsilon), Latest: now.Add(f.epsilon)}, nil
}

func Example() {
	clock := fixed{epsilon: 2 * time.Millisecond}
	waiter, err := commitwait.NewWaiter(clock, commitwait.WithMaxWait(time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer waiter.Close()

	var row string
	timestamp, err := waiter.Do(context.Background(), func(_ context.Context, timestamp truetime.Time) error {
		row = "written" // with the timestamp, where nobody looks yet
		return nil
	})
	switch {
	case errors.Is(err, commitwait.ErrNotBegun):
		fmt.Println("nothing was written:", err)
		return
	case errors.Is(err, commitwait.ErrNotPassed):
		fmt.Println("written, and not to be shown:", err)
		return
	case err != nil:
		fmt.Println("the work failed:", err)
		return
	}
	now, err := clock.Now()
	fmt.Println(row, err == nil && now.After(timestamp))
	// Output: written true
}

// A transaction of a leader: its timestamp is inside the lease and above those at which
// participants have prepared.
func ExampleWaiter_DoFrom() {
	ctx, clock := context.Background(), fixed{epsilon: time.Millisecond}
	waiter, err := commitwait.NewWaiter(clock)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer waiter.Close()
	candidate, err := lease.NewCandidate(clock, new(lease.MemoryStore), "shard", time.Minute)
	if err != nil {
		fmt.Println(err)
		return
	}
	held, err := candidate.Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer held.Close()

	prepared := truetime.FromStd(time.Now()).Add(5 * time.Millisecond) // by the slowest participant
	timestamp, err := waiter.DoFrom(ctx, func() (truetime.Time, error) {
		return held.TimestampAfter(prepared)
	}, func(context.Context, truetime.Time) error {
		return nil // write, with the timestamp and held.Token()
	})
	fmt.Println(timestamp > prepared, err)
	// Output: true <nil>
}

func ExampleUntil() {
	clock := fixed{epsilon: time.Millisecond}
	now, err := clock.Now()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(commitwait.Until(context.Background(), clock, now.Latest))
	// Output: <nil>
}

func ExampleSequencer() {
	clock := fixed{epsilon: time.Millisecond}
	sequencer, err := commitwait.NewSequencer(clock)
	if err != nil {
		fmt.Println(err)
		return
	}
	prepared := truetime.FromStd(time.Now()).Add(time.Second) // by a participant whose clock is ahead
	if err := sequencer.Raise(prepared); err != nil {
		fmt.Println(err)
		return
	}
	first, err := sequencer.Next()
	if err != nil {
		fmt.Println(err)
		return
	}
	second, err := sequencer.Next()
	fmt.Println(first > prepared, second > first, err)
	// Output: true true <nil>
}
