package truetime

import (
	"fmt"
	"strings"
	"time"
)

// Interval is the answer to "what time is it": true time lies between Earliest and Latest, both
// included. It is two words, comparable, and passed by value.
//
// The zero value is not valid: no clock returns it beside a nil error.
type Interval struct {
	Earliest, Latest Time
}

// Valid reports whether i is an interval at all: not the zero value, and not upside down.
func (i Interval) Valid() bool { return i != Interval{} && i.Earliest <= i.Latest }

// Width returns how far apart the two ends are.
func (i Interval) Width() time.Duration { return i.Latest.Sub(i.Earliest) }

// Uncertainty returns ε, half the width, rounded up.
func (i Interval) Uncertainty() time.Duration {
	w := i.Width()
	return w/2 + w%2
}

// Midpoint returns the middle of the interval. It is not the time: nothing makes it likelier than
// any other moment between the ends.
func (i Interval) Midpoint() Time { return i.Earliest.Add(i.Width() / 2) }

// Contains reports whether t may be true time.
func (i Interval) Contains(t Time) bool { return i.Earliest <= t && t <= i.Latest }

// After reports whether t has certainly passed.
func (i Interval) After(t Time) bool { return i.Earliest > t }

// Before reports whether t has certainly not arrived.
func (i Interval) Before(t Time) bool { return i.Latest < t }

// Overlaps reports whether i and j have a moment in common. If they do not, the events they were
// read at are ordered for certain.
func (i Interval) Overlaps(j Interval) bool { return i.Earliest <= j.Latest && j.Earliest <= i.Latest }

// Intersect returns the moments common to i and j, and whether there are any.
func (i Interval) Intersect(j Interval) (Interval, bool) {
	if !i.Overlaps(j) {
		return Interval{}, false
	}
	return Interval{max(i.Earliest, j.Earliest), min(i.Latest, j.Latest)}, true
}

// String formats the interval as "[earliest, latest]".
func (i Interval) String() string { return fmt.Sprintf("[%v, %v]", i.Earliest, i.Latest) }

// MarshalText writes both ends in full, "earliest/latest", the form of an ISO 8601 interval. As
// encoding/json uses it, JSON carries the interval as a string and loses no digit.
func (i Interval) MarshalText() ([]byte, error) {
	return []byte(i.Earliest.String() + "/" + i.Latest.String()), nil
}

// UnmarshalText reads what MarshalText wrote. It refuses an interval that is upside down.
func (i *Interval) UnmarshalText(text []byte) error {
	first, second, found := strings.Cut(string(text), "/")
	if !found {
		return fmt.Errorf("truetime: interval %.80q is not of the form earliest/latest", text)
	}
	earliest, err := parseTime(first)
	if err != nil {
		return fmt.Errorf("truetime: earliest end of interval %.80q: %w", text, err)
	}
	latest, err := parseTime(second)
	if err != nil {
		return fmt.Errorf("truetime: latest end of interval %.80q: %w", text, err)
	}
	if earliest > latest {
		return fmt.Errorf("truetime: interval %.80q ends before it begins", text)
	}
	*i = Interval{earliest, latest}
	return nil
}

func parseTime(s string) (Time, error) {
	std, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, err
	}
	t := FromStd(std)
	if !t.Std().Equal(std) {
		return 0, fmt.Errorf("%s is outside the years 1678 to 2262", s)
	}
	return t, nil
}
