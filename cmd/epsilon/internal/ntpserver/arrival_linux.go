package ntpserver

import (
	"time"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// arrivals tells how long ago requests have come in, by the kernel's stamps. The stamps are of
// CLOCK_REALTIME, which anybody may set and a daemon may slew; package wallclock proves what they are
// worth between two readings of the system's clocks during which nobody has set it. The first of the
// two has to be older than the stamp, and a request may have waited behind others. So the first is
// the reading of one or two seconds ago.
type arrivals struct {
	counter monotonic.Counter

	watch       wallclock.Watch
	first, next wallclock.Reading
	bracket     wallclock.Bracket
	steady      bool // nobody has set the clock within the bracket
	usable      bool // first has been read under the watch
}

// anchorAge is how much older a first reading is than the next one, at least.
const anchorAge = time.Second

func newArrivals(counter monotonic.Counter, driftPPM float64) *arrivals {
	a := &arrivals{counter: counter, bracket: wallclock.Bracket{DriftPPM: driftPPM}}
	a.begin()
	return a
}

// begin starts to watch the wall clock anew. Stamps from before are of no use.
func (a *arrivals) begin() {
	watch, err := wallclock.NewWatch()
	if err != nil {
		a.usable = false
		return
	}
	reading, err := wallclock.Read(a.counter)
	a.watch, a.first, a.next, a.usable = watch, reading, reading, err == nil
}

// look reads the system's clocks after requests have been received, and before the clock that is
// served is read.
func (a *arrivals) look() {
	a.steady = false
	if !a.usable {
		a.begin()
		return
	}
	last, err := wallclock.Read(a.counter)
	a.bracket.First, a.bracket.Last = a.first, last
	if err == nil {
		_, a.steady = a.bracket.Stepped()
		a.steady = a.steady && !a.watch.WasSet()
	}
	if !a.steady {
		a.begin()
		return
	}
	if last.Before.Sub(a.next.Before) >= anchorAge {
		a.first, a.next = a.next, last
	}
}

// passed is how much true time has passed at least between a stamp and the last look, and false if
// nothing is known. It is the least that the counter can have advanced, and that is no more: the
// proof takes the wall clock for as fast against true time as it can be, and the counter for slow.
func (a *arrivals) passed(stamp int64) (time.Duration, bool) {
	if !a.steady || stamp == 0 {
		return 0, false
	}
	at, ok := a.bracket.NotAfter(stamp)
	return a.bracket.Last.After.Sub(at), ok
}
