package monotonic

import (
	"sync/atomic"
	"time"
)

// Manual is a counter driven by hand, for tests. The zero value reads 0 and stands still. It is
// safe for use by many goroutines, and unlike a real counter it may be set back, to show what
// happens then.
type Manual struct {
	now atomic.Int64
}

// Now returns what was set last.
func (m *Manual) Now() Instant { return Instant(m.now.Load()) }

// Set moves the counter to i, which may be in its past.
func (m *Manual) Set(i Instant) { m.now.Store(int64(i)) }

// Advance moves the counter by d and returns the new reading.
func (m *Manual) Advance(d time.Duration) Instant { return Instant(m.now.Add(int64(d))) }

func (m *Manual) String() string { return "manual" }
