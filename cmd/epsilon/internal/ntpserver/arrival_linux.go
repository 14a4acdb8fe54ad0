package ntpserver

import (
	"sync/atomic"
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
	err         error // of reading its end
	steady      bool  // nobody has set the clock within the bracket
	usable      bool  // first has been read under the watch

	known *atomic.Pointer[steered] // of this second, if it is there: see steering_linux.go
	sharp wallclock.Bracket        // from there on; only if it is sharp
}

const (
	// anchorAge is how much older a first reading is than the next one, at least.
	anchorAge = time.Second

	// anchorWidth is how long a first reading may have taken: what it took counts against each stamp.
	anchorWidth = 20 * time.Microsecond
)

func newArrivals(counter monotonic.Counter, driftPPM float64, known *atomic.Pointer[steered]) *arrivals {
	a := &arrivals{counter: counter, bracket: wallclock.Bracket{DriftPPM: driftPPM}, known: known}
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

// read reads the system's clocks after requests have been received, and before the clock that is
// served is read.
func (a *arrivals) read() {
	if a.usable {
		a.bracket.Last, a.err = wallclock.ReadWallLast(a.counter)
	}
}

// look finds out what the reading is worth. It may be called when the clock that is served has been read. What the kernel tells of its steering
// is asked only if that is wanted: it is the dearest of the system calls, and holds up whoever reads the clocks meanwhile.
func (a *arrivals) look(sharply bool) {
	a.steady, a.sharp = false, wallclock.Bracket{}
	if !a.usable {
		a.begin()
		return
	}
	var known *steered
	if sharply {
		known = a.recent()
	}
	if known != nil {
		a.bracket.Last.AskLast()
	}
	last := a.bracket.Last
	a.bracket.First = a.first
	if a.err == nil {
		_, a.steady = a.bracket.Stepped()
		a.steady = a.steady && !a.watch.WasSet()
	}
	if !a.steady {
		a.begin()
		return
	}
	if known != nil {
		a.sharpen(known)
	}
	if last.Before.Sub(a.next.Before) >= anchorAge && last.After.Sub(last.Before) <= anchorWidth {
		a.first, a.next = a.next, last
	}
}

// recent is what is known of the steering, if that may still be in force.
func (a *arrivals) recent() *steered {
	known := a.known.Load()
	if known == nil || a.bracket.Last.Before.Sub(known.reading.Before) > steeredFor {
		return nil
	}
	return known
}

// sharpen makes a bracket of what is known of the steering and the last reading.
func (a *arrivals) sharpen(known *steered) {
	b := wallclock.Bracket{First: known.reading, Last: a.bracket.Last, DriftPPM: a.bracket.DriftPPM}
	if b.Sharp() && (known.watch == a.watch || !known.watch.WasSet()) {
		a.sharp = b
	}
}

// passed is how much true time has passed at least between a stamp and the last look, and false if
// nothing is known. It is the least that the counter can have advanced, and that is no more: the
// proof takes the wall clock for as fast against true time as it can be, and the counter for slow. Where the rate of the wall clock
// was measured by the counter, it may have been higher by as much as the counter is fast, which is allowed for twice (package wallclock, fastest).
func (a *arrivals) passed(stamp int64) (time.Duration, bool) {
	if !a.steady || stamp == 0 {
		return 0, false
	}
	if a.sharp.Sharp() {
		if at, ok := a.sharp.NotAfter(stamp); ok {
			return a.sharp.Last.After.Sub(at), true
		}
	}
	at, ok := a.bracket.NotAfter(stamp) // of one that has waited since before the look at the steering, too
	return a.bracket.Last.After.Sub(at), ok
}
