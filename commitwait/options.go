package commitwait

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	defaultSpin     = 80 * time.Microsecond
	maxSpin         = time.Millisecond
	defaultMaxWait  = time.Hour
	defaultMaxAhead = 10 * time.Second
)

// A WaiterOption changes what [NewWaiter] makes.
type WaiterOption func(*waiterConfig)

type waiterConfig struct {
	spin     time.Duration
	maxWait  time.Duration
	failFast bool
	sparing  bool // with descriptors and processor time, because there may be a Waiter for every call
	mistakes mistakes.List
}

// A SequencerOption changes what [NewSequencer] makes.
type SequencerOption func(*sequencerConfig)

type sequencerConfig struct {
	maxAhead time.Duration
	mistakes mistakes.List
}

// configure applies the options to c, whose mistakes are found, and reports all of them at once.
func configure[C any, O ~func(*C)](c *C, found *mistakes.List, clock truetime.Reader, options []O) error {
	if unset.Nil(clock) {
		found.Addf("the clock is nil")
	}
	for _, o := range options {
		if o == nil {
			found.Addf("an option is nil")
			continue
		}
		o(c)
	}
	if err := found.Err(); err != nil {
		return fmt.Errorf("commitwait: %w", err)
	}
	return nil
}

// WithSpin sets for how long at most a processor is kept busy with reading the clock before a
// timestamp passes: 0 to 1 ms, by default 80 µs. 0 switches the spin off.
//
// A timer of the kernel fires some 30 to 80 µs late, most of which is the processor waking up. The
// spin begins that much earlier, so that the wait ends within a few microseconds of its timestamp.
// It costs a wait up to its length of processor time. Only one goroutine of a Waiter spins. Where
// more than four wait and the last wake-up was less than four spins ago, none does, so that a crowd
// costs at most a fifth of one processor. With GOMAXPROCS at 1 nothing else runs during a spin.
func WithSpin(d time.Duration) WaiterOption {
	return func(c *waiterConfig) {
		if d < 0 || d > maxSpin {
			c.mistakes.Addf("spin of %v: it must be 0 to %v", d, maxSpin)
			return
		}
		c.spin = d
	}
}

// WithMaxWait sets how long a wait may be, by the estimate at its beginning: above 0, by default 1
// h. A longer one is refused at once with [ErrWaitTooLong]; [Waiter.Do] refuses before the work
// begins.
//
// A commit-wait takes about 2ε, which is milliseconds, so a second is generous where somebody waits
// for the answer. The default refuses only what must be a mistake, such as the timestamp of a
// broken machine. If the clock refuses to answer when the wait begins, the limit is applied when it
// answers again.
func WithMaxWait(d time.Duration) WaiterOption {
	return func(c *waiterConfig) {
		if d <= 0 {
			c.mistakes.Addf("longest wait of %v: it must be above 0", d)
			return
		}
		c.maxWait = d
	}
}

// WithFailFast makes a wait end with the clock's error as soon as the clock refuses to answer. By
// default only [truetime.ErrClosed] does that: after a disruption the wait goes on, for as long as
// the context allows, until the clock is synchronized again and the timestamp has passed.
func WithFailFast() WaiterOption {
	return func(c *waiterConfig) { c.failFast = true }
}

// WithMaxAhead sets how far ahead of Latest a timestamp of a [Sequencer] may lie: above 0, by
// default 10 s. Timestamps run ahead after [Sequencer.Raise], or where more than 1e9 a second are
// taken. The commit-wait may become longer than 2ε by as much, for everybody and not only for
// whoever raised the floor.
func WithMaxAhead(d time.Duration) SequencerOption {
	return func(c *sequencerConfig) {
		if d <= 0 {
			c.mistakes.Addf("maximum of %v ahead: it must be above 0", d)
			return
		}
		c.maxAhead = d
	}
}
