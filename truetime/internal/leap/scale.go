package leap

import (
	"fmt"
	"time"
)

// Scale says how a source counts, as truetime.Scale does, number for number.
type Scale uint8

// The scales that a source can serve.
const (
	ScaleUTC        Scale = iota // UTC, which steps at a leap second: most NTP servers
	ScaleUTCSmeared              // UTC smeared from noon to noon
	ScaleTAI                     // TAI: PTP
)

// String describes the scale in a few words.
func (s Scale) String() string {
	switch s {
	case ScaleUTC:
		return "UTC with steps"
	case ScaleUTCSmeared:
		return "UTC smeared from noon to noon"
	case ScaleTAI:
		return "TAI"
	}
	return fmt.Sprintf("scale %d", uint8(s))
}

// The three ways in which this package counts nanoseconds since 1970-01-01 00:00:00. They are types
// of their own so that none is taken for another by accident.
type (
	// TAI is continuous: the POSIX count of UTC plus TAI−UTC. Every second of it is one SI second.
	TAI int64

	// UTC is the POSIX count of stepped UTC: it does not count inserted seconds, so that one POSIX
	// second happens twice when a second is inserted, and one does not happen when one is removed.
	UTC int64

	// Smeared is UTC in which a leap second is spread over hours: continuous, and off by less than a
	// second from UTC.
	Smeared int64
)

const (
	second  = int64(time.Second)
	halfDay = 12 * 3600 * second
	day     = 2 * halfDay
)

// Std returns u as a time.Time, for formatting.
func (u UTC) Std() time.Time { return time.Unix(0, int64(u)).UTC() }

// monthStart returns the start of the UTC month that u is in. Nanoseconds in an int64 end in the
// middle of a month on both sides: there it returns the end itself, where no leap second can be.
func monthStart(u UTC) UTC {
	year, month, _ := u.Std().Date()
	return fromStd(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC))
}

// nextMonth returns the start of the UTC month after the one that u is in.
func nextMonth(u UTC) UTC {
	year, month, _ := u.Std().Date()
	return fromStd(time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC))
}

const (
	never  = 1<<63 - 1
	always = -1 << 63
)

func fromStd(t time.Time) UTC {
	switch {
	case t.Before(time.Unix(0, always)):
		return always
	case t.After(time.Unix(0, never)):
		return never
	}
	return UTC(t.UnixNano())
}
