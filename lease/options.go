package lease

import (
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/truetime"
)

// Limits of the time to live of a lease.
const (
	MinTTL = time.Millisecond
	MaxTTL = 24 * time.Hour
)

// An Option changes what [NewCandidate] makes.
type Option func(*config)

// config is what a candidate, and a lease of its, goes by.
type config struct {
	clock          truetime.Reader
	store          Store
	name           string
	holder         string
	ttl            time.Duration
	margin         time.Duration
	maxUncertainty time.Duration
	renewEvery     time.Duration

	mistakes mistakes.List
}

// WithHolder sets the name of the candidate, for people to read: of the same form as that of a
// lease, by default host:pid. It need not be unique. Nobody gets a lease back because of the name,
// not even a process that has restarted.
func WithHolder(name string) Option { return func(c *config) { c.holder = name } }

// WithMargin sets how long before the end of [Held] a context of the lease is cancelled: above 0,
// by default an eighth of the TTL. It is the time that the work has to notice, and it pays for the
// lateness of timers.
func WithMargin(d time.Duration) Option {
	return func(c *config) { c.margin = c.positive("margin", d) }
}

// WithMaxUncertainty sets the largest ε with which an interval counts as an answer: above 0, by
// default an eighth of the TTL. A wider one is [ErrClock].
func WithMaxUncertainty(d time.Duration) Option {
	return func(c *config) { c.maxUncertainty = c.positive("largest uncertainty", d) }
}

// WithRenewEvery sets the longest time between two renewals: above 0, by default a third of the
// TTL. They come up to a fifth sooner, at random, so that holders that started together do not stay
// together. A request to the store is given up after that time, too.
func WithRenewEvery(d time.Duration) Option {
	return func(c *config) { c.renewEvery = c.positive("time between renewals", d) }
}

func (c *config) positive(what string, d time.Duration) time.Duration {
	if d <= 0 {
		c.mistakes.Addf("%s of %v: it must be above 0", what, d)
	}
	return d
}

// configure applies the options and returns every mistake at once.
func (c config) configure(options []Option) (config, error) {
	c.holder = defaultHolder()
	c.margin, c.maxUncertainty, c.renewEvery = c.ttl/8, c.ttl/8, c.ttl/3
	if unset.Nil(c.clock) {
		c.mistakes.Addf("the clock is nil")
	}
	if unset.Nil(c.store) {
		c.mistakes.Addf("the store is nil")
	}
	for _, o := range options {
		if o == nil {
			c.mistakes.Addf("an option is nil")
			continue
		}
		o(&c)
	}
	if err := checkName(c.name); err != nil {
		c.mistakes.Addf("name of the lease: %w", err)
	}
	if err := checkName(c.holder); err != nil {
		c.mistakes.Addf("name of the holder: %w", err)
	}
	switch {
	case c.ttl < MinTTL || c.ttl > MaxTTL:
		c.mistakes.Addf("TTL of %v: it must be %v to %v", c.ttl, MinTTL, MaxTTL)
	// Each is below the TTL before they are added up, so that the sum cannot wrap around.
	case max(c.margin, c.maxUncertainty, c.renewEvery) >= c.ttl || c.renewEvery+2*c.maxUncertainty+c.margin >= c.ttl:
		c.mistakes.Addf("TTL of %v does not cover a renewal every %v (WithRenewEvery) + 2 × uncertainty of %v "+
			"(WithMaxUncertainty) + margin of %v (WithMargin): contexts would end before a renewal. Take a longer TTL or %s",
			c.ttl, c.renewEvery, c.maxUncertainty, c.margin, c.tooLarge())
	}
	if err := c.mistakes.Err(); err != nil {
		return c, fmt.Errorf("lease: %w", err)
	}
	return c, nil
}

// tooLarge names the options to be made smaller: those whose value is above the default.
func (c config) tooLarge() string {
	var names []string
	for _, o := range []struct {
		name       string
		value, def time.Duration
	}{
		{"WithRenewEvery", c.renewEvery, c.ttl / 3},
		{"WithMaxUncertainty", c.maxUncertainty, c.ttl / 8},
		{"WithMargin", c.margin, c.ttl / 8},
	} {
		if o.value > o.def {
			names = append(names, o.name)
		}
	}
	return "a smaller " + strings.Join(names, " or ")
}

func defaultHolder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d", strings.ToValidUTF8(host, "?"), os.Getpid())
}

// now reads the clock, and refuses an interval on which nothing may be decided.
func (c *config) now() (truetime.Interval, error) {
	if c.clock == nil {
		return truetime.Interval{}, errUnmade
	}
	now, err := c.clock.Now()
	switch {
	case err != nil:
		return truetime.Interval{}, fmt.Errorf("%w: %w", ErrClock, err)
	case !now.Valid():
		return truetime.Interval{}, fmt.Errorf("%w: %v is not an interval", ErrClock, now)
	case now.Width() > 2*c.maxUncertainty:
		return truetime.Interval{}, fmt.Errorf("%w: uncertainty of %v, and at most %v is allowed: "+
			"wait until the clock is better, or take a longer TTL", ErrClock, now.Uncertainty(), c.maxUncertainty)
	case now.Earliest <= 0 || now.Latest > math.MaxInt64-truetime.Time(2*MaxTTL):
		// An expiry must not be zero, nor be held back at the end of the scale, where nothing
		// expires.
		return truetime.Interval{}, fmt.Errorf("%w: %v is before 1970 or after 2262", ErrClock, now)
	}
	return now, nil
}
