package ptpsrc

import (
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/truetime"
)

// grandmaster is what a grandmaster says about its time, as its Announce messages have it and as
// ptp4l passes it on.
type grandmaster struct {
	identity  protocol.ClockIdentity
	class     uint8
	accuracy  uint8
	between   uint16 // boundary clocks between it and here
	flags     uint16 // those of the second octet: protocol.FlagLeap61 and so on
	utcOffset int16  // s
	source    protocol.TimeSource
}

// accuracies are the bounds that clockAccuracy stands for, from 0x17 to 0x30 (IEEE 1588-2019 table
// 5), in nanoseconds and rounded up: below 0x1D they are picoseconds. 0x31 is "more than 10 s" and
// 0xFE "unknown", which are no bounds, and the rest is reserved.
var accuracies = [...]time.Duration{
	1, 1, 1, 1, 1, 1, 1, 3, 10,
	25, 100, 250, 1000, 2500, 10_000, 25_000, 100_000, 250_000,
	1_000_000, 2_500_000, 10_000_000, 25_000_000, 100_000_000, 250_000_000, time.Second, 10 * time.Second,
}

const (
	firstAccuracy = 0x17

	// IEEE 1588-2019 table 4: locked to a primary reference, and in holdover within its
	// specification. Every other class says that the clock is further off than it should be, or
	// follows nothing.
	classLocked   = 6
	classHoldover = 7

	stampResolution = time.Nanosecond
)

// claim is E: by how much the time stamps that descend from the grandmaster may be away from true
// time.
func (g grandmaster) claim(t trust) (time.Duration, error) {
	if err := g.follows(t); err != nil {
		return 0, err
	}
	if g.flags&protocol.FlagSynchronizationUncertain != 0 {
		return 0, unusable("the grandmaster %v says that its synchronization is uncertain", g.identity)
	}
	e := t.accuracy
	if e == 0 {
		index := int(g.accuracy) - firstAccuracy
		switch {
		case index < 0 || index >= len(accuracies):
			return 0, unusable("the grandmaster %v announces no known accuracy (0x%02X): give one by WithAccuracy", g.identity, g.accuracy)
		case g.class != classLocked && g.class != classHoldover:
			return 0, unusable("the grandmaster %v does not say that it follows a reference (clock class %d, not 6 or 7): give its accuracy by WithAccuracy", g.identity, g.class)
		}
		e = accuracies[index]
	}
	if g.between > 0 {
		if t.perStep == 0 {
			return 0, unusable("there are %d boundary clocks between the grandmaster %v and here, which do not tell their errors: give them by WithBoundaryClocks", g.between, g.identity)
		}
		e += time.Duration(g.between) * t.perStep
	}
	return e + stampResolution, nil
}

// ahead is how far the grandmaster's time is ahead of the scale that the source serves.
func (g grandmaster) ahead(t trust) (time.Duration, error) {
	if !t.hasOffset && !t.tai && g.flags&protocol.FlagPTPTimescale == 0 {
		return 0, unusable("the grandmaster %v does not say that it serves TAI: say so by WithTAI, or give its offset from UTC by WithUTCOffset, which is 0 if it serves UTC", g.identity)
	}
	return t.utcOffset, nil // 0 if it serves TAI, and so does the source
}

// taiOffset is TAI−UTC as the grandmaster has it; 0 if it does not know.
func (g grandmaster) taiOffset(t trust) time.Duration {
	if t.hasOffset || g.flags&protocol.FlagCurrentUtcOffsetValid == 0 {
		return 0
	}
	return time.Duration(g.utcOffset) * time.Second
}

// leap is what the grandmaster announces for the end of the day. One that does not know how far UTC
// is behind has nothing to say about that.
func (g grandmaster) leap() truetime.Leap {
	switch {
	case g.flags&protocol.FlagCurrentUtcOffsetValid == 0:
		return truetime.LeapUnknown
	case g.flags&protocol.FlagLeap61 != 0:
		return truetime.LeapInsert
	case g.flags&protocol.FlagLeap59 != 0:
		return truetime.LeapDelete
	}
	return truetime.LeapNone
}
