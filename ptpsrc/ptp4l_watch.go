package ptpsrc

import (
	"slices"
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/truetime"
)

// watch compares the clock that ptp4l measures with the counter from poll to poll. What ptp4l has
// measured is used if the watch has begun before, and nothing has happened since: otherwise it may
// be of another master, or by a clock that has been set in the meantime.
type watch struct {
	clock string // which is watched, as in "the system clock"

	situation situation
	readings  []reading // the first is the newest one before the Sync that was used last; empty: no watch

	// After a step back, a Sync from before it looks like one from after it, as soon as the clock
	// has come to where it was. So Syncs are also told apart by their times alone.
	ingress truetime.Time // of the last Sync
	skip    int           // how many more Syncs have to come

	// After a change of its master ptp4l forgets the path delay and goes on to tell of Syncs, but computes no offset until
	// a Delay_Resp has come (linuxptp clock.c, clock_synchronize and handle_state_decision_event). What it
	// tells meanwhile is the offset from the last master. So that has to be seen to change first.
	noted  bool // since a poll that has begun under this master:
	offset int64
	fresh  bool // it is another one by now
}

// afterStep is how many Syncs have to come after the system clock was found stepped. The first one
// that is seen then may have come before the step, between the report and the reading of the poll
// that found it.
const afterStep = 2

// maxReadings is how many readings are kept. With more polls than that between two Syncs some in
// the middle are forgotten, and the watch over the next Sync begins a few polls earlier than it
// could. Kept are the last before and the first after the Sync, from which on it matters how the clock has run.
const maxReadings = 16

// situation is what an offset depends on, apart from the two clocks.
type situation struct {
	local       protocol.ClockIdentity
	parent      protocol.PortIdentity
	grandmaster grandmaster
	utcOffset   int16 // that ptp4l counts with, s
}

// masteredAs reports whether ptp4l follows the same clock by the same port.
func (s situation) masteredAs(other situation) bool {
	return s.local == other.local && s.parent == other.parent && s.grandmaster.identity == other.grandmaster.identity
}

// next takes the reading of a poll, in which ptp4l told of an offset and of a Sync that came in at ingress by the
// system clock. It returns how far that clock and the counter have run apart, at most, since a poll before
// that Sync or any after it: a clock that has run away and come back was elsewhere when the Sync came in.
func (w *watch) next(s situation, now reading, ingress truetime.Time, offset int64, info truetime.PollInfo) (ran time.Duration, err error) {
	if len(w.readings) > 0 {
		if last := w.readings[len(w.readings)-1]; now.stepped(last, info) {
			w.begin(s, now, ingress, afterStep)
			return 0, unusable("%s was stepped by about %v: other Syncs have to come", w.clock, now.deviation(last))
		}
	}
	if len(w.readings) == 0 || w.situation != s {
		w.begin(s, now, ingress, max(1, w.skip))
		return 0, unusable("ptp4l's master, or what it announces, is new to this source: another Sync has to come")
	}
	if ingress > now.wall {
		w.begin(s, now, ingress, afterStep)
		return 0, unusable("ptp4l has received a Sync %v from now: %s was stepped", ingress.Sub(now.wall), w.clock)
	}
	if ingress != w.ingress {
		w.ingress, w.skip = ingress, max(0, w.skip-1)
	}
	for len(w.readings) > 1 && w.readings[1].wall <= ingress {
		w.readings = slices.Delete(w.readings, 0, 1)
	}
	for _, r := range w.readings {
		ran = max(ran, now.deviation(r))
	}
	if len(w.readings) == maxReadings {
		w.readings = slices.Delete(w.readings, 2, 3)
	}
	w.readings = append(w.readings, now)
	switch {
	case !w.noted:
		w.noted, w.offset = true, offset
	case w.offset != offset:
		w.fresh = true
	}
	if ingress < w.readings[0].wall || w.skip > 0 {
		return 0, unusable("the last Sync that ptp4l has received, %v ago, may be from before this source began to watch %s", now.wall.Sub(ingress), w.clock)
	}
	if !w.fresh {
		return 0, unusable("ptp4l may still tell of the offset from the master before: it has to change first")
	}
	return ran, nil
}

// doubt has the watch begin anew: ptp4l has followed nobody, or somebody else.
func (w *watch) doubt() { w.situation, w.noted, w.fresh = situation{}, false, false }

func (w *watch) begin(s situation, now reading, ingress truetime.Time, skip int) {
	next := watch{clock: w.clock, situation: s, readings: []reading{now}, ingress: ingress, skip: skip}
	if s.masteredAs(w.situation) {
		next.noted, next.offset, next.fresh = w.noted, w.offset, w.fresh
	}
	*w = next
}
