package ptpsrc

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// reading is a look at the system clock between two readings at the counter.
type reading struct {
	before monotonic.Instant
	wall   truetime.Time
	after  monotonic.Instant
}

// attempts is how many times the system clock is read to find the reading with the narrowest bracket.
const attempts = 5

func readSystemClock(counter monotonic.Counter, wall func() truetime.Time) reading {
	var best reading
	for i := range attempts {
		r := reading{before: counter.Now()}
		r.wall = wall()
		r.after = counter.Now()
		if i == 0 || r.width() < best.width() {
			best = r
		}
	}
	return best
}

func (r reading) width() time.Duration { return r.after.Sub(r.before) }

// deviation is by how much the system clock has gained on the counter, or lost, from an earlier
// reading to this one: at most so much, either way.
func (r reading) deviation(from reading) time.Duration {
	gained := r.wall.Sub(from.wall) - r.before.Sub(from.before)
	return min(gained.Abs(), maxDeviation) + r.width() + from.width()
}

// maxDeviation is more than any that is of use, and small enough to be added to.
const maxDeviation = 24 * time.Hour

const (
	// A system clock that deviates from the counter by more than this was stepped. What is slewed
	// is less: the kernel changes the rate by 500 ppm at most (MAXFREQ in include/linux/timex.h),
	// and the counter adds its own drift. chronyd can slew faster; to this source that is a step
	// too. No bound rests on it: what is not taken for a step is counted as [reading.deviation].
	stepMin = 500 * time.Microsecond
	slewPPM = 2000
)

// stepped reports whether the system clock was set since an earlier reading, and did not just run.
func (r reading) stepped(from reading, info truetime.PollInfo) bool {
	elapsed := r.before.Sub(from.before)
	return r.deviation(from) > stepMin+elapsed.Abs()/1e6*slewPPM+info.Slack(elapsed)+r.width()+from.width()
}
