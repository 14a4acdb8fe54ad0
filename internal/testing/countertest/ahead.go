// Package countertest provides counters for tests.
package countertest

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// Ahead is a counter that is ahead of another one.
type Ahead struct {
	Of monotonic.Counter
	By time.Duration
}

// Now implements monotonic.Counter.
func (a Ahead) Now() monotonic.Instant { return a.Of.Now().Add(a.By) }
