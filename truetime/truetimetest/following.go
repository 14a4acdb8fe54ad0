package truetimetest

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Following is a clock that answers with time.Now ± a fixed uncertainty: for tests in a bubble of testing/synctest, where time goes on
// by itself whenever everybody waits, so that a commit-wait, a lease or a hybrid logical clock in a service that is under test
// takes no time and yet as long as it should. It is made by [NewFollowing], and safe for use by many goroutines.
//
// Outside of a bubble it answers by the machine's wall clock, which proves nothing.
type Following struct {
	uncertainty time.Duration
	offset      time.Duration
}

// NewFollowing returns a clock whose interval has time.Now in it: its middle is off by offset, which must be within ±uncertainty. Two
// clocks at the opposite ends of their uncertainty are the hardest test of what stands on them. It panics if uncertainty is
// below 0 or offset is beyond it, since that is a mistake in a test.
func NewFollowing(offset, uncertainty time.Duration) Following {
	if uncertainty < 0 || offset.Abs() > uncertainty {
		panic(fmt.Sprintf("truetimetest: a clock that is off by %v with an uncertainty of %v: it must not be off by more, or be less than 0", offset, uncertainty))
	}
	return Following{offset: offset, uncertainty: uncertainty}
}

// Now returns the interval. It never refuses.
func (f Following) Now() (truetime.Interval, error) {
	middle := truetime.FromStd(time.Now()).Add(f.offset) // in a bubble time.Now is true time
	return truetime.Interval{Earliest: middle.Add(-f.uncertainty), Latest: middle.Add(f.uncertainty)}, nil
}
