package truetime

import (
	"cmp"
	"math"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// Time is a moment in nanoseconds since 1970-01-01 00:00:00 of UTC smeared from noon to noon, the
// scale in which every clock answers. It covers the years 1678 to 2262.
//
// Smeared UTC is UTC, except from noon before a leap second to noon after it. In these 24 hours its
// seconds are longer or shorter by 11.6 ppm, so that it is half a second from UTC at the leap
// second and never steps: it is continuous, and what happened first has the smaller Time. Google
// and AWS count in the same. To be shown what stepped UTC was, with its 23:59:60, see
// [Clock.FormatUTC].
//
// Leap seconds are known from a table for half a year ahead. Where it has expired, it depends on
// the month. At the end of June and December, where all leap seconds have been, a clock believes
// f+1 voters that announce or show one. That there is none has to be shown: a server that announces
// none may just not know. At the end of another month n−f voters that announce none are believed,
// and none that announce one. As long as it is not known, the interval allows for both from noon of
// the last day of the month on, and widens by 42 ms an hour. [Status] says so.
//
// The zero value stands for no time at all, not for the beginning of 1970.
//
// Its text form is that of RFC 3339 in UTC with nine digits of a second, for people, for JSON, and
// for [ParseTime]. In a database it is a 64-bit integer, the nanoseconds, which sorts as the times
// do.
type Time int64

// FromStd returns the Time of a time.Time: the zero value of the zero value, and the nearest that a
// Time can hold outside the years 1678 to 2262.
func FromStd(t time.Time) Time {
	ns, ok := nanoseconds(t)
	switch {
	case ok:
		return Time(ns)
	case t.IsZero():
		return 0
	case t.Before(time.Unix(0, 0)):
		return math.MinInt64
	}
	return math.MaxInt64
}

// Std returns t as a time.Time in UTC, without a monotonic reading: the zero value of the zero
// value.
func (t Time) Std() time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// IsZero reports whether t is the zero value, no time at all.
func (t Time) IsZero() bool { return t == 0 }

// Add returns the time d later, or the nearest that a Time can hold.
func (t Time) Add(d time.Duration) Time { return Time(saturated.Add(int64(t), int64(d))) }

// Sub returns the duration from u to t, or the nearest that a Duration can hold.
func (t Time) Sub(u Time) time.Duration { return time.Duration(saturated.Sub(int64(t), int64(u))) }

// Before reports whether t is earlier than u. Which of two events came first is a question for
// intervals: see [Interval.Before].
func (t Time) Before(u Time) bool { return t < u }

// After reports whether t is later than u.
func (t Time) After(u Time) bool { return t > u }

// Compare returns −1, 0 or +1 as t is earlier than, the same as or later than u.
func (t Time) Compare(u Time) int { return cmp.Compare(t, u) }

// String formats t as RFC 3339 does, in UTC with nine digits of a second, and the zero value as "no
// time".
func (t Time) String() string { return stringOf(t, timeLayout) }
