package hlc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/alarm"
	"github.com/epsilontime/epsilon/truetime"
)

// startPoll is how often Open looks whether the interval clock has an answer, and startLookAgain
// the longest time for which it does not look at an answer that it waits on.
const (
	startPoll      = 20 * time.Millisecond
	startLookAgain = 100 * time.Millisecond
)

// Open makes a clock whose timestamps go on after those of earlier clocks with the same store,
// across crashes. It saves a bound ahead of the timestamps it issues and never issues one beyond
// what has been saved. Saving is done in the background until [Clock.Close].
//
// Open returns once the clock can be used. It waits until the interval clock has an answer, and
// until physical time is past the saved bound: not at all after a Close, and after a crash for what
// is left of the reserve ([WithReserve]). To go on from the bound at once would be as correct, but
// every timestamp would then be from the future, and refused by peers or waited for by commit-wait.
//
// Give it a context with a deadline. If ctx ends the error says what was being waited for and for
// how long still. A wait of hours means that the clock which saved the bound was wrong, or this one
// is. If it was the other one, and no timestamp of its time matters any more, save a lower bound in
// the store.
func Open(ctx context.Context, clock truetime.Reader, store Store, options ...OpenOption) (*Clock, error) {
	clocks, err := OpenShards(ctx, clock, store, 1, options...)
	if err != nil {
		return nil, err
	}
	return clocks[0], nil
}

// Close ends the clock: every call from now on returns [ErrClosed]. The interval clock and the
// store stay open. With a store it waits for a Save that is under way, and saves the last timestamp
// as the bound, so that the next start need not wait. An error says that this could not be saved;
// nothing else is lost.
func (c *Clock) Close() error {
	c.closing.Do(func() {
		last := c.last.Swap(closed) // from here on no swap of another call succeeds
		if c.reservation != nil {
			c.closeErr = c.reservation.close(Timestamp(max(last, 1)))
		}
	})
	return c.closeErr
}

// awaitPast waits until physical time is past bound, and returns the interval that says so.
func (c *Clock) awaitPast(ctx context.Context, bound Timestamp) (truetime.Interval, error) {
	for {
		now, err := c.read()
		if errors.Is(err, truetime.ErrClosed) {
			return now, err
		}
		pause := startPoll
		if err == nil {
			pt := c.physical.of(now)
			if pt > bound {
				return now, nil
			}
			left := bound.Time().Sub(pt.Time())
			pause = min(left, startLookAgain-1) + 1
			err = fmt.Errorf("timestamps up to %v may have been issued, and physical time is %v, %v before that",
				bound.Time(), pt.Time(), left)
		}
		if !sleep(ctx, pause) {
			return now, fmt.Errorf("hlc: cannot start yet: %w: %w", err, context.Cause(ctx))
		}
	}
}

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(max(d, alarm.Soonest))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
