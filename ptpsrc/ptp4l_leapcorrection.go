package ptpsrc

import (
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/truetime"
)

// leapCorrection knows when ptp4l may subtract from the master's time a second more, or less, than
// the UTC offset that it tells of. It does so where it takes what is announced about a leap second
// to come too late or too early (linuxptp util.c, leap_second_status): from midnight to 6:00 UTC if
// one is announced, and for the rest of the day if one was and no longer is. Some versions do it to
// the system clock only while they steer it, others always.
type leapCorrection struct {
	pending bool // a leap second was announced after 6:00, and no Sync has come in between midnight and 6:00 since
}

const (
	day         = 24 * time.Hour
	leapMorning = 6 * time.Hour
)

// possible takes what is announced and when the last Sync came in by the system clock, which may be
// that far from the time by which ptp4l decides.
func (c *leapCorrection) possible(g grandmaster, ingress truetime.Time, uncertain time.Duration) bool {
	announced := g.flags&(protocol.FlagLeap61|protocol.FlagLeap59) != 0
	since := time.Duration(ingress) % day
	switch {
	case since >= uncertain && since < leapMorning-uncertain:
		c.pending = false
	case announced:
		c.pending = true
	}
	if announced {
		return since < leapMorning+uncertain || since >= day-uncertain
	}
	return c.pending
}
