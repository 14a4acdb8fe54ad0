package hlc

import (
	"fmt"
	"math/bits"
	"time"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/truetime"
)

// PhysicalTime is which moment of an interval a clock takes for the physical time pt.
type PhysicalTime uint8

const (
	// Latest makes every timestamp at least as late as true time when it was asked for. Commit-wait
	// needs that: whoever waits until such a timestamp has passed gets external consistency
	// (Corbett et al., "Spanner", OSDI 2012, section 4.1.2, start and commit wait), and the wait is
	// 2ε. Timestamps may be ahead of true time by the width of the interval, so receivers need a
	// tolerance of at least that.
	Latest PhysicalTime = iota

	// Midpoint keeps timestamps within ε of true time. Half the tolerance will do. A timestamp may
	// lie before true time, so commit-wait on it does not give external consistency: an event that
	// begins after the wait may get a smaller timestamp elsewhere, unless a message connects the
	// two.
	Midpoint

	// Earliest never gives a timestamp from the future, so no receiver needs any tolerance. It has
	// the drawback of Midpoint, and it is 2ε wide.
	Earliest
)

func (p PhysicalTime) of(now truetime.Interval) Timestamp {
	switch p {
	case Latest:
		return Timestamp(now.Latest)
	case Midpoint:
		return Timestamp(now.Midpoint())
	default:
		return Timestamp(now.Earliest)
	}
}

// An Option changes what [New] or [Open] makes.
type Option func(*config)

// An OpenOption changes what [Open] makes. Every [Option] is one.
type OpenOption interface{ configure(*config) }

func (o Option) configure(c *config) { o(c) }

type openOption func(*config)

func (o openOption) configure(c *config) { o(c) }

type config struct {
	physical  PhysicalTime
	tolerance time.Duration // or halfOfMaxAhead
	maxAhead  time.Duration
	reserve   time.Duration
	mask      Timestamp // of the low bits that tell shards apart

	mistakes mistakes.List
}

const halfOfMaxAhead = -1

func configure[O OpenOption](clock truetime.Reader, shards int, options []O) (config, error) {
	c := config{tolerance: halfOfMaxAhead, maxAhead: time.Second, reserve: 3 * time.Second}
	if unset.Nil(clock) {
		c.mistakes.Addf("the interval clock is nil")
	}
	for _, option := range options {
		if unset.Nil(option) {
			c.mistakes.Addf("an option is nil")
			continue
		}
		option.configure(&c)
	}
	if shards < 1 || shards > maxShards {
		c.mistakes.Addf("%d shards: from 1 to %d are possible", shards, maxShards)
	} else {
		c.mask = 1<<bits.Len(uint(shards-1)) - 1
	}
	if int64(c.maxAhead) <= int64(c.mask) {
		c.mistakes.Addf("limit of %v for running ahead: a shard of %d may have to skip %v", c.maxAhead, shards, time.Duration(c.mask))
	}
	if c.tolerance == halfOfMaxAhead {
		c.tolerance = c.maxAhead / 2
	}
	if c.tolerance > c.maxAhead {
		c.mistakes.Addf("tolerance of %v for remote timestamps: it cannot be above the %v that this clock may be ahead",
			c.tolerance, c.maxAhead)
	}
	if err := c.mistakes.Err(); err != nil {
		return config{}, fmt.Errorf("hlc: %w", err)
	}
	return c, nil
}

// WithPhysicalTime sets which moment of the interval is the physical time. The default is [Latest],
// because of the three it is the one that commit-wait is sound with; what it costs is timestamps
// that are ahead of true time by up to the width of the interval.
func WithPhysicalTime(p PhysicalTime) Option {
	return func(c *config) {
		if p > Earliest {
			c.mistakes.Addf("no such physical time: %d", p)
			return
		}
		c.physical = p
	}
}

// WithTolerance sets how far beyond Latest a remote timestamp may be: at least 0, at most the limit
// of [WithMaxAhead], of which it is half by default, 500 ms.
//
// Of peers that take Latest as physical time it must cover the widest interval, 2ε, or good
// timestamps are refused; a peer that merges is no further ahead than the widest of those it heard
// from. It is also how far one wrong clock can push this one.
func WithTolerance(d time.Duration) Option {
	return func(c *config) {
		if d < 0 {
			c.mistakes.Addf("tolerance of %v for remote timestamps: it must not be below 0", d)
			return
		}
		c.tolerance = d
	}
}

// WithMaxAhead sets how far a timestamp may be beyond Latest: above 0, by default 1 s. At the limit
// Now and Update return [ErrTooFarAhead] until time has caught up.
//
// It takes remote timestamps to get there, or a billion events a second, or an interval that was
// replaced by an earlier one after a disruption.
func WithMaxAhead(d time.Duration) Option {
	return func(c *config) {
		if d <= 0 {
			c.mistakes.Addf("limit of %v for running ahead: it must be above 0", d)
			return
		}
		c.maxAhead = d
	}
}

// WithReserve sets how far ahead [Open] has the store save the bound: at least 1 ms, by default 3
// s.
//
// The bound is saved three times in that span. Two thirds of it are how long the store may fail or
// stall before Now returns [ErrNotDurable]; after a crash, a start waits for what is left of it.
func WithReserve(d time.Duration) OpenOption {
	return openOption(func(c *config) {
		if d < time.Millisecond {
			c.mistakes.Addf("reserve of %v: it must be at least 1 ms", d)
			return
		}
		c.reserve = d
	})
}
