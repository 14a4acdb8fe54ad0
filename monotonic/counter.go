package monotonic

import (
	"errors"
	"time"
)

// Counter is a local counter that never goes back and that nobody slews.
//
// Now must be safe for use by many goroutines and must not block: it is on the path of every
// answer the clock gives. A counter whose readings may be behind it by more than a nanosecond,
// because it advances in larger ticks, has a method Resolution() time.Duration that says by how
// much.
type Counter interface {
	Now() Instant
}

// ErrNoCounter is returned by [System] where no counter can carry a bound.
var ErrNoCounter = errors.New("no unslewed counter on this system")

// Resolution returns by how much a reading of c may be behind the counter itself: what the counter
// says, or 1 ns.
func Resolution(c Counter) time.Duration {
	if r, ok := c.(interface{ Resolution() time.Duration }); ok {
		return r.Resolution()
	}
	return time.Nanosecond
}
