package hlc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/epsilontime/epsilon/hlc"
)

// Two services, of which one hears from the other. In a program their interval clock is a
// truetime.Clock.
func Example() {
	orders, err := hlc.New(at(start, 1000))
	if err != nil {
		fmt.Println(err)
		return
	}
	billing, err := hlc.New(at(start-700, 1000)) // reads an earlier interval, which is as true
	if err != nil {
		fmt.Println(err)
		return
	}

	ordered, err := orders.Now() // stamps the order, and goes with the message
	if err != nil {
		fmt.Println(err)
		return
	}
	billed, err := billing.Update(ordered, "orders") // before anything is done about the message
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(billed.After(ordered))

	_, err = billing.Update(ordered+3_600_000_000_000, "a clock an hour fast")
	fmt.Println(errors.Is(err, hlc.ErrFromFuture), billing.Last() == billed)
	// Output:
	// true
	// true true
}

// Timestamps go on after those of the process before.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "hlc")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	source := at(start, 1000)
	var last hlc.Timestamp
	for range 2 {
		store, err := hlc.OpenFileStore(filepath.Join(dir, "hlc"))
		if err != nil {
			fmt.Println(err)
			return
		}
		clock, err := hlc.Open(context.Background(), source, store)
		if err != nil {
			fmt.Println(err)
			return
		}
		timestamp, err := clock.Now()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(timestamp.After(last))
		last = timestamp
		if err := clock.Close(); err != nil {
			fmt.Println(err)
			return
		}
		if err := store.Close(); err != nil {
			fmt.Println(err)
			return
		}
		source.set(start, start.Add(2000)) // a little later
	}
	// Output:
	// true
	// true
}

// Three shards of one process, with a clock each. What one sends the next is a message, as between
// machines.
func ExampleNewShards() {
	shards, err := hlc.NewShards(at(start, 1000), 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, clock := range shards {
		stamp, err := clock.Now()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(stamp) // at the same moment, and no two are equal
	}

	sent, err := shards[2].Now()
	if err != nil {
		fmt.Println(err)
		return
	}
	got, err := shards[0].Update(sent, "shard 2")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(got.After(sent))
	// Output:
	// 1767225600000001000
	// 1767225600000001001
	// 1767225600000001002
	// true
}
