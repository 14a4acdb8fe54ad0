package commitwait

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Clock is what Until needs: [truetime.Clock] and everything else that answers with intervals.
type Clock interface {
	Now() (truetime.Interval, error)
}

// lookAgain is the longest time for which Until does not look at the clock.
const lookAgain = 100 * time.Millisecond

// ErrNoTimestamp is returned for the zero Time, which stands for no time at all.
var ErrNoTimestamp = errors.New("commitwait: the timestamp is zero")

// Until returns nil once t has certainly passed: Earliest of the clock is after t. It returns at once
// if that is so already.
//
// It returns an error, and t may then not have passed, if ctx ends, if the clock has no answer, or
// if t is the zero Time. The error wraps ctx's or the clock's.
//
// For a t that was Latest a moment ago the wait is about 2ε. It ends late by the resolution of Go's
// timers, about 1 ms on Linux.
func Until(ctx context.Context, clock Clock, t truetime.Time) error {
	if t.IsZero() {
		return ErrNoTimestamp
	}
	var timer *time.Timer
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("commitwait: %v may not have passed: %w", t, err)
		}
		now, err := clock.Now()
		if err != nil {
			return fmt.Errorf("commitwait: %v may not have passed: %w", t, err)
		}
		if now.After(t) {
			return nil
		}

		// Earliest has this far to go, at about the rate of our timer. It may jump ahead with a new
		// sample, and the clock may be closed, so look again now and then.
		left := min(t.Sub(now.Earliest.Add(-1)), lookAgain)
		if timer == nil {
			timer = time.NewTimer(left)
			defer timer.Stop()
		} else {
			timer.Reset(left)
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}
