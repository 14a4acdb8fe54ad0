package commitwait

import (
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// IntervalClock is what there is to wait by: [truetime.Clock] and everything else that answers with intervals.
// Now is called by several goroutines, and by one of them again and again in the final spin, so it
// should take nanoseconds; it must not call back into this package. Packages hlc and lease ask for the same
// method, each in its own words, so that none of them depends on another: a clock that is good for one is good
// for all, without a conversion.
//
// A clock may also have the method Changed() <-chan struct{}, as truetime.Clock has: a channel that is
// closed when Earliest may have jumped, or when Now begins or ceases to refuse. Without it a jump is
// seen when the timer fires, at the latest after 100 ms. A type that wraps a clock has to pass it on.
type IntervalClock interface {
	Now() (truetime.Interval, error)
}

// notifier is the clock that tells when there is something new.
type notifier interface {
	Changed() <-chan struct{}
}

// read asks the clock and takes nothing for an answer that is none: a zero interval would make the
// year 1970 the present, and one that is upside down (clocks have been seen to give it) proves nothing.
func read(clock IntervalClock) (truetime.Interval, error) {
	now, err := clock.Now()
	if err == nil && !now.Valid() {
		err = fmt.Errorf("%w: [%d, %d]", ErrInvalidInterval, now.Earliest, now.Latest)
	}
	return now, err
}
