package commitwait

import (
	"context"

	"github.com/epsilontime/epsilon/truetime"
)

// Until returns nil once t has certainly passed: Earliest of the clock is after t. If that is so
// already it returns at once. Any error means that t may not have passed; see [Waiter.Until].
//
// For a t that was Latest a moment ago the wait is about 2ε. Until makes a [Waiter] of its own,
// with the defaults, which costs a few microseconds and, while it waits on Linux, one file
// descriptor. When half of the descriptors that the process may have are in use it does without and
// is about 1 ms late. A program that waits often, or in many goroutines at once, should make one
// Waiter and keep it.
func Until(ctx context.Context, clock truetime.Reader, t truetime.Time) error {
	w, err := single(clock)
	if err != nil {
		return err
	}
	defer w.Close()
	return w.Until(ctx, t)
}

// Do takes Latest as a timestamp, runs work with it, and returns the timestamp once the work is
// done and the timestamp has certainly passed. See [Waiter.Do] for what its errors say. Like
// [Until] it makes a Waiter of its own.
func Do(
	ctx context.Context, clock truetime.Reader, work func(ctx context.Context, timestamp truetime.Time) error,
) (truetime.Time, error) {
	w, err := single(clock)
	if err != nil {
		return 0, notBegun(err)
	}
	defer w.Close()
	return w.Do(ctx, work)
}

// single makes a Waiter for one call.
func single(clock truetime.Reader) (*Waiter, error) {
	return NewWaiter(clock, func(c *waiterConfig) { c.sparing = true })
}
