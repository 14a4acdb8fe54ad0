package truetime

import "time"

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

// String formats the interval as "[earliest, latest]", and the zero value as "no interval".
func (i Interval) String() string { return stringOfEnds(i.Earliest, i.Latest, timeLayout) }
