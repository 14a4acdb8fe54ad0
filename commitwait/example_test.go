package commitwait_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// fixed is a clock that trusts the host to be within ε of true time. A real one is a truetime.Clock.
type fixed struct{ epsilon time.Duration }

func (f fixed) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-f.epsilon), Latest: now.Add(f.epsilon)}, nil
}

func Example() {
	clock := fixed{epsilon: 2 * time.Millisecond}
	waiter, err := commitwait.New(clock, commitwait.WithLimit(time.Second))
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
