package commitwait

import (
	"errors"
	"fmt"
	"time"
)

// Defaults of the options, and the most that they accept.
const (
	DefaultSpin     = 60 * time.Microsecond
	MaxSpin         = time.Millisecond
	DefaultLimit    = time.Hour
	DefaultMaxAhead = 10 * time.Second
)

// An Option changes what a [Waiter] does.
type Option func(*config)

type config struct {
	spin     time.Duration
	limit    time.Duration
	failFast bool
	sparing  bool // with descriptors and processor time, because there may be a Waiter for every call

	mistakes []error
}

func configure(options []Option) (config, error) {
	c := config{spin: DefaultSpin, limit: DefaultLimit}
	for _, o := range options {
		if o == nil {
			c.mistake("an option is nil")
			continue
		}
		o(&c)
	}
	return c, errors.Join(c.mistakes...)
}

func (c *config) mistake(format string, values ...any) {
	c.mistakes = append(c.mistakes, fmt.Errorf("commitwait: "+format, values...))
}

// WithSpin sets for how long at most a processor is kept busy with reading the clock before a
// timestamp passes: 0 to 1 ms, by default [DefaultSpin], 60 µs. 0 switches it off.
//
// A timer of the kernel fires some 30 to 60 µs late, most of which is the processor waking up. The spin
// begins that much earlier, and so hides it: the wait then ends within a few microseconds. It costs
// up to its length of processor time for a wait. Only one goroutine of a Waiter spins; where more than four
// wait at the same time and the last wake-up was less than four times the spin before, none does, so
// that a crowd costs no more than a fifth of one processor. With GOMAXPROCS at 1 nothing else runs
// meanwhile.
func WithSpin(most time.Duration) Option {
	return func(c *config) {
		if most < 0 || most > MaxSpin {
			c.mistake("spin of %v: it must be 0 to %v", most, MaxSpin)
			return
		}
		c.spin = most
	}
}

// WithLimit sets how long a wait may be, by the estimate at its beginning: above 0, by default
// [DefaultLimit], 1 h. A longer one is refused at once with [ErrWaitTooLong]; [Waiter.Do] refuses
// before the work begins.
//
// A commit-wait takes about 2ε, milliseconds, so a limit of a second is generous where somebody is
// waiting for the answer. The default only refuses what must be a mistake: seconds taken for
// nanoseconds, the timestamp of a broken machine. If the clock refuses to answer when the wait begins,
// the limit is applied when it answers again.
func WithLimit(most time.Duration) Option {
	return func(c *config) {
		if most <= 0 {
			c.mistake("limit of %v: it must be above 0", most)
			return
		}
		c.limit = most
	}
}

// WithFailFast makes a wait end with the clock's error as soon as the clock refuses to answer. By
// default only [truetime.ErrClosed] does that: after a disruption the wait goes on, for as long as the
// context allows, until the clock is synchronized again and the timestamp has passed.
func WithFailFast() Option {
	return func(c *config) { c.failFast = true }
}
