package lease

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Limits of Config.TTL.
const (
	MinTTL = time.Millisecond
	MaxTTL = 24 * time.Hour
)

// Config describes a candidate for a lease. The last three fields have a default where they are zero.
type Config struct {
	// Store is where all candidates keep the record, and Clock what this one reads.
	Store Store
	Clock truetime.Reader

	// Name of the lease: 1 to [MaxName] bytes, the same for all its candidates.
	Name string

	// Holder is the name of this candidate, for people to read: 1 to [MaxName] bytes. It need not be
	// unique. Nobody gets a lease back because of the name, not even a process that has restarted.
	Holder string

	// TTL is for how long after the request a lease lasts that is not renewed, and so how long others
	// wait after a crash: [MinTTL] to [MaxTTL]. The holder can use it for 2ε less. Candidates
	// of one lease should agree on it.
	TTL time.Duration

	// Margin is how long before the end of Held a context of the lease is cancelled. It is the time
	// that the work has to notice, and it pays for the lateness of timers. By default TTL/8.
	Margin time.Duration

	// MaxUncertainty is the largest ε with which an interval counts as an answer; it is ErrClock
	// beyond. By default TTL/8.
	MaxUncertainty time.Duration

	// RenewEvery is the longest time between two renewals; they come up to a fifth sooner, at random,
	// so that holders that started together do not stay together. A request to the store is
	// given up after as long. By default TTL/3.
	RenewEvery time.Duration
}

// withDefaults fills in what is zero and returns every mistake at once.
func (c Config) withDefaults() (Config, error) {
	var mistakes []error
	mistake := func(format string, values ...any) {
		mistakes = append(mistakes, fmt.Errorf(format, values...))
	}
	if c.Store == nil {
		mistake("Store is nil")
	}
	if c.Clock == nil {
		mistake("Clock is nil")
	}
	if n := len(c.Name); n == 0 || n > MaxName {
		mistake("Name has %d bytes: it must be 1 to %d", n, MaxName)
	}
	if n := len(c.Holder); n == 0 || n > MaxName {
		mistake("Holder has %d bytes: it must be 1 to %d", n, MaxName)
	}
	if c.Margin < 0 || c.MaxUncertainty < 0 || c.RenewEvery < 0 {
		mistake("Margin %v, MaxUncertainty %v, RenewEvery %v: none may be negative", c.Margin, c.MaxUncertainty, c.RenewEvery)
	}
	if c.TTL < MinTTL || c.TTL > MaxTTL {
		mistake("TTL of %v: it must be %v to %v", c.TTL, MinTTL, MaxTTL)
	} else {
		c.Margin = orDefault(c.Margin, c.TTL/8)
		c.MaxUncertainty = orDefault(c.MaxUncertainty, c.TTL/8)
		c.RenewEvery = orDefault(c.RenewEvery, c.TTL/3)
		// Each is below TTL before they are added up, so that the sum cannot wrap around.
		if max(c.Margin, c.MaxUncertainty, c.RenewEvery) >= c.TTL || c.RenewEvery+2*c.MaxUncertainty+c.Margin >= c.TTL {
			mistake("TTL of %v is too short: it must be longer than RenewEvery %v + 2 × MaxUncertainty %v + Margin %v, or contexts end before a renewal",
				c.TTL, c.RenewEvery, c.MaxUncertainty, c.Margin)
		}
	}
	if len(mistakes) > 0 {
		return c, fmt.Errorf("%w:\n%w", ErrInvalidConfig, errors.Join(mistakes...))
	}
	return c, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// now reads the clock, and refuses an interval on which nothing may be decided.
func (c *Config) now() (truetime.Interval, error) {
	now, err := c.Clock.Now()
	switch {
	case err != nil:
		return truetime.Interval{}, fmt.Errorf("%w: %w", ErrClock, err)
	case !now.Valid():
		return truetime.Interval{}, fmt.Errorf("%w: %v is not an interval", ErrClock, now)
	case now.Width() > 2*c.MaxUncertainty:
		return truetime.Interval{}, fmt.Errorf("%w: uncertainty of %v, and at most %v is allowed: wait until the clock is better, or take a longer TTL",
			ErrClock, now.Uncertainty(), c.MaxUncertainty)
	case now.Earliest <= 0 || now.Latest > math.MaxInt64-truetime.Time(2*MaxTTL):
		// An expiry must not be zero, nor be held back at the end of the scale, where nothing expires.
		return truetime.Interval{}, fmt.Errorf("%w: %v is before 1970 or after 2262", ErrClock, now)
	}
	return now, nil
}
