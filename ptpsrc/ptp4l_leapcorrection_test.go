package ptpsrc

import (
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// leapHost is a host around a leap second, or around none: a ptp4l that corrects its UTC offset as
// linuxptp does, a system clock that it has steered to what it takes for UTC, and a grandmaster
// that announces as told.
type leapHost struct {
	*host
	leapSet int16
	updates bool // it takes over an announced UTC offset at once, as version 4 does
}

// sync has an Announce and a Sync come in. The system clock is where ptp4l has steered it.
func (h *leapHost) sync(offset int16, flags uint16, steps time.Duration) {
	r := &h.report
	r.time.UTCOffset, r.time.Flags = offset, uint8(protocol.FlagPTPTimescale|protocol.FlagCurrentUtcOffsetValid|flags)
	if h.updates {
		r.own.UTCOffset = offset
	}
	h.clock = steps
	var leap int16
	switch {
	case flags&protocol.FlagLeap61 != 0:
		leap = 1
	case flags&protocol.FlagLeap59 != 0:
		leap = -1
	}
	status := h.leapSet
	if time.Duration(h.wall())%day <= leapMorning {
		status = 0
	} else if status == 0 {
		status = leap
	}
	used := r.own.UTCOffset
	if leap == 0 {
		used -= status
	} else if status == 0 {
		used += leap
	}
	h.leapSet = status
	r.status.IngressTime = int64(h.wall())
	r.status.MasterOffset = int64(h.wall().Sub(h.truth()) + time.Duration(used)*time.Second)
}

// Whatever a grandmaster announces of a leap second, and whenever, no sample in TAI is wrong.
func TestNoAnnouncedLeapSecondMakesASampleWrong(t *testing.T) {
	const midnight = fakeUTC + 6400*1e9 // fakeUTC is 22:13:20
	for name, c := range map[string]struct {
		happens          bool          // a second is inserted at midnight
		from, until, new time.Duration // when a leap second is announced, and from when the new UTC offset is
	}{
		"in time":               {true, -30 * time.Minute, 0, 0},
		"flags and offset late": {true, -30 * time.Minute, 3 * time.Minute, 3 * time.Minute},
		"flags late":            {true, -30 * time.Minute, 7 * time.Hour, 0},
		"offset late":           {true, -30 * time.Minute, 0, time.Hour},
		"early":                 {true, -30 * time.Minute, -2 * time.Minute, -2 * time.Minute},
		"never announced":       {true, 48 * time.Hour, 48 * time.Hour, 48 * time.Hour},
		"does not happen":       {false, -30 * time.Minute, 0, 48 * time.Hour},
		"withdrawn":             {false, -30 * time.Minute, -20 * time.Minute, 48 * time.Hour},
		"announced for ever":    {false, -30 * time.Minute, 48 * time.Hour, 48 * time.Hour},
	} {
		for _, updates := range []bool{false, true} {
			for _, free := range []bool{false, true} {
				h := &leapHost{host: newHost(), updates: updates}
				p := h.source(t)
				used := 0
				for h.utc() < midnight.Add(8*time.Hour) {
					h.pass(10 * time.Second)
					after := h.utc().Sub(midnight)
					var flags uint16
					if after >= c.from && after < c.until {
						flags = protocol.FlagLeap61
					}
					offset := int16(37)
					if after >= c.new {
						offset = 38
					}
					step := time.Duration(0)
					if c.happens && after >= 0 {
						step = -time.Second
					}
					h.sync(offset, flags, step)
					if !free { // it steers the clock by what it has measured
						h.sync(offset, flags, step-time.Duration(h.report.status.MasterOffset))
					}
					h.pass(20 * time.Millisecond)
					s, err := p.evaluate(h.report, h.readClock())
					if err != nil {
						require.ErrorIs(t, err, truetime.ErrUnusable)
						continue
					}
					used++
					require.True(t, s.Latest >= h.truth() && s.Earliest <= h.truth(), "%s, %v after midnight, takes over an offset %v, free running %v: true TAI is %v: %+v",
						name, after, updates, free, h.truth(), s)
				}
				require.Greater(t, used, 250, name) // as long as nothing is announced
			}
		}
	}
}
