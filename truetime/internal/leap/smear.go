package leap

import (
	"fmt"
	"math/bits"
	"time"
)

// Smear says how a clock spreads a leap second: evenly, from a moment given relative to the leap
// and for some time. Up to then it shows UTC, and from its end on again.
type Smear struct {
	// Start is counted from the beginning of an inserted second, and from a second after the beginning
	// of the gap that a removed one leaves: where UTC would show 00:00:00 if there were no leap.
	Start time.Duration

	// Duration is how long it takes, between 10 s and 10 days: on the smeared clock itself, or in
	// seconds of TAI if SI is set. The two differ by the leap second.
	Duration time.Duration
	SI       bool
}

// NoonToNoon is the smear of Google since 2017, of AWS and of this library: 24 hours of the smeared
// clock around the leap, which take 86401 s if a second is inserted and 86399 s if one is removed
// (developers.google.com/time/smear).
func NoonToNoon() Smear { return Smear{Start: -12 * time.Hour, Duration: 24 * time.Hour} }

// Google2012 is the smear of Google from 2012 to 2016: 20 hours of the smeared clock around the
// leap. (For the leap of 2008 it used another, which was not linear.)
func Google2012() Smear { return Smear{Start: -10 * time.Hour, Duration: 20 * time.Hour} }

// Meta is the smear of Meta's fbclock: 62500 s of TAI beginning at the leap (facebook/time,
// fbclock/daemon/daemon.go).
func Meta() Smear { return Smear{Duration: 62500 * time.Second, SI: true} }

const (
	smearMin = 10 * time.Second
	smearMax = 10 * 24 * time.Hour // so that the smears of two leaps, 28 days apart, stay apart
)

// Validate reports everything that is wrong with s.
func (s Smear) Validate() error {
	if s.Duration < smearMin || s.Duration > smearMax || s.Start < -smearMax || s.Start > smearMax {
		return fmt.Errorf("%w: it starts %v after the leap and lasts %v; use a start within ±%v and a duration from %v to %v",
			ErrSmear, s.Start, s.Duration, smearMax, smearMin, smearMax)
	}
	return nil
}

// span is one leap second: from which POSIX second on which TAI−UTC, in nanoseconds.
type span struct {
	at            UTC
	before, after int64
}

// ramp is one leap second smeared: while TAI goes from tai to tai+si, the smeared clock goes from
// smeared to smeared+shown.
type ramp struct {
	tai, si        int64
	smeared, shown int64
}

func (s Smear) ramp(l span) ramp {
	r := ramp{
		tai:     int64(l.at) + l.before + int64(s.Start),
		smeared: int64(l.at) + int64(s.Start),
		si:      int64(s.Duration), shown: int64(s.Duration),
	}
	if s.SI {
		r.shown -= l.after - l.before
	} else {
		r.si += l.after - l.before
	}
	return r
}

// scaled returns x·m/n for 0 ≤ x < n and m > 0, rounded down or up. Products are below 2¹⁰⁰ and
// results below m, so that nothing overflows.
func scaled(x, m, n int64, round Round) int64 {
	hi, lo := bits.Mul64(uint64(x), uint64(m))
	quotient, rest := bits.Div64(hi, lo, uint64(n))
	if round == Up && rest > 0 {
		quotient++
	}
	return int64(quotient)
}

// Round says which way a result is rounded that is not a whole nanosecond.
type Round bool

// Lower bounds are rounded down, upper bounds up.
const (
	Down Round = false
	Up   Round = true
)
