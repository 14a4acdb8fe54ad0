package commitwait

import (
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// notifier is a clock that tells when there is something new, as [truetime.Clock] does: Changed
// returns a channel that is closed when Earliest may have jumped, or when Now begins or ceases to
// refuse. Without it a jump is seen when the timer fires, after 100 ms at the latest, which is all
// that is lost by a wrapper that hides it.
type notifier interface {
	Changed() <-chan struct{}
}

// read asks the clock and takes nothing for an answer that is none: a zero interval would make the
// year 1970 the present, and one that is upside down (clocks have been seen to give it) proves
// nothing.
func read(clock truetime.Reader) (truetime.Interval, error) {
	if clock == nil {
		return truetime.Interval{}, errUnmade
	}
	now, err := clock.Now()
	if err == nil && !now.Valid() {
		err = fmt.Errorf("%w: [%d, %d]", errInvalidInterval, now.Earliest, now.Latest)
	}
	return now, err
}
