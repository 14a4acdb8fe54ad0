package monotonic

import "time"

// Counter is a local counter that never goes back and that nobody slews.
//
// Now must be safe for concurrent use and must not block: every answer of a clock reads it. A
// counter that advances in ticks of more than a nanosecond also has a method
//
//	Resolution() time.Duration
//
// which says by how much a reading may be behind: see [Resolution].
type Counter interface {
	Now() Instant
}

// Resolution returns by how much a reading of c may be behind the counter itself: what c's method
// Resolution returns if it has one, and 1 ns otherwise.
func Resolution(c Counter) time.Duration {
	if r, ok := c.(interface{ Resolution() time.Duration }); ok {
		return r.Resolution()
	}
	return time.Nanosecond
}
