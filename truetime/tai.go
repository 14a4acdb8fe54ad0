package truetime

import (
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// TAI is a moment of International Atomic Time, in nanoseconds since 1970-01-01 00:00:00 TAI as PTP
// counts them: ahead of UTC by whole seconds, 37 since 2017. It is another type than [Time] so that
// the two are never compared.
type TAI int64

// Add returns the time d later, or the nearest that a TAI can hold.
func (t TAI) Add(d time.Duration) TAI { return TAI(saturated.Add(int64(t), int64(d))) }

// Sub returns the duration from u to t, in SI seconds, or the nearest that a Duration can hold.
func (t TAI) Sub(u TAI) time.Duration { return time.Duration(saturated.Sub(int64(t), int64(u))) }

// IsZero reports whether t is the zero value, no time at all.
func (t TAI) IsZero() bool { return t == 0 }

// String formats t as RFC 3339 does, with nine digits of a second and TAI in place of Z, and the zero value
// as "no time".
func (t TAI) String() string { return stringOf(t, taiLayout) }

// TAIInterval is an [Interval] in TAI.
type TAIInterval struct {
	Earliest, Latest TAI
}

// Valid reports whether i is an interval at all: not the zero value, and not upside down.
func (i TAIInterval) Valid() bool { return i != TAIInterval{} && i.Earliest <= i.Latest }

// Contains reports whether t may be true time.
func (i TAIInterval) Contains(t TAI) bool { return i.Earliest <= t && t <= i.Latest }

// After reports whether t has certainly passed.
func (i TAIInterval) After(t TAI) bool { return i.Earliest > t }

// Before reports whether t has certainly not arrived.
func (i TAIInterval) Before(t TAI) bool { return i.Latest < t }

// Uncertainty returns ε, half the width, rounded up.
func (i TAIInterval) Uncertainty() time.Duration {
	w := i.Latest.Sub(i.Earliest)
	return w/2 + w%2
}

// String formats the interval as "[earliest, latest]", and the zero value as "no interval".
func (i TAIInterval) String() string { return stringOfEnds(i.Earliest, i.Latest, taiLayout) }

// NowTAI returns an interval that contains true time in TAI, with the errors of [Clock.Now], and
// [ErrTAIUnknown] where UTC is known and TAI is not. It takes longer than Now, and like it takes no lock and
// allocates nothing. Its Earliest does not go back within an epoch either.
func (c *Clock) NowTAI() (TAIInterval, error) {
	if c == nil {
		return TAIInterval{}, errNotMade
	}
	a := c.published.Load()
	if a == nil || a.Err != nil {
		return TAIInterval{}, a.refusal()
	}
	raw := c.reading(a)
	if a.vm != nil && a.vm.Marker() != a.marker {
		return TAIInterval{}, ErrNotSynchronized
	}
	earliest, latest, err := a.TAI(raw)
	return TAIInterval{TAI(earliest), TAI(latest)}, err
}

// FormatUTC formats t as stepped UTC in the form of RFC 3339, an inserted second as 23:59:60. It is for people
// to read: two moments within a nanosecond of each other may be formatted alike. Leap seconds are those
// of the table that the clock has: the one that is built in, for a nil Clock.
func (c *Clock) FormatUTC(t Time) string {
	table := leap.BuiltIn()
	if c.made() {
		c.mu.Lock()
		defer c.mu.Unlock()
		table = c.engine.Table()
	}
	return table.Format(table.FromSmeared(leap.Smeared(t), leap.Down))
}
