package commitwait_test

import (
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock answers with the time of the test's bubble ± ε, or with an error.
type clock struct {
	mu      sync.Mutex
	epsilon time.Duration
	err     error
	upset   bool          // answers with an interval that is upside down
	highest truetime.Time // Earliest of all that it has answered
	reads   int
}

func (c *clock) Now() (truetime.Interval, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if c.err != nil {
		return truetime.Interval{}, c.err
	}
	now := truth()
	if c.upset {
		return truetime.Interval{Earliest: now.Add(time.Hour), Latest: now}, nil
	}
	c.highest = max(c.highest, now.Add(-c.epsilon))
	return truetime.Interval{Earliest: now.Add(-c.epsilon), Latest: now.Add(c.epsilon)}, nil
}

func (c *clock) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// answered reports whether the clock has said that t has certainly passed.
func (c *clock) answered(t truetime.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.highest > t
}

// teller is a clock that tells when it has changed.
type teller struct {
	clock
	changed chan struct{}
}

func newTeller(epsilon time.Duration) *teller {
	return &teller{clock: clock{epsilon: epsilon}, changed: make(chan struct{})}
}

func (c *teller) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *teller) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func truth() truetime.Time { return truetime.FromStd(time.Now()) }
