package monotonic

import "time"

// Instant is one reading of a [Counter], in nanoseconds since a moment that is arbitrary but fixed
// for that counter. Readings of different counters cannot be compared.
type Instant int64

// Add returns the instant d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns the counter's own measure of the time from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Before reports whether i was read before j.
func (i Instant) Before(j Instant) bool { return i < j }

// After reports whether i was read after j.
func (i Instant) After(j Instant) bool { return i > j }
