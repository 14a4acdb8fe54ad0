package hostclock

import (
	"math"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/truetime"
)

// An Option changes what [Open] does.
type Option func(*config)

type config struct {
	trusted  owners
	maxWidth uint64
	vmclock  *string // nil for the default
	fallback *fallback
	mistakes mistakes.List
}

func configure(options []Option) (config, error) {
	c := config{trusted: owners{anyOwner}, maxWidth: math.MaxInt64}
	for _, o := range options {
		if o == nil {
			c.mistakes.Addf("an option is nil")
			continue
		}
		o(&c)
	}
	return c, c.mistakes.Err()
}

// WithOwner has Open accept a segment that belongs to the user with this number, and no other. By default it accepts
// one of root's, of this process's user, and of whoever owns the directory if nobody else may write that: the user
// that the daemon runs as, where its directory is.
func WithOwner(uid int) Option {
	return func(c *config) {
		if uid < 0 {
			c.mistakes.Addf("owner %d: it is the number of a user, as id -u prints it", uid)
			return
		}
		c.trusted = owners{uid}
	}
}

// WithMaxUncertainty makes [Clock.Now] return truetime.ErrUncertaintyTooLarge while ε is above max, which must be above
// 0. What the host's clock refuses by a limit of its own is refused in any case.
func WithMaxUncertainty(max time.Duration) Option {
	return func(c *config) {
		if max <= 0 {
			c.mistakes.Addf("maximum uncertainty of %v: it must be above 0", max)
			return
		}
		c.maxWidth = 2 * uint64(max)
	}
}

// WithVMClock makes the clock watch the VMClock device at path, if the host's clock does. Open fails if it cannot be
// used. An empty path means that none is watched here: then a migration is noticed by the daemon alone, some
// milliseconds to 1.5 s after it, and by nobody while there is no daemon.
//
// By default /dev/vmclock0 is watched if it is there and can be read, which takes a udev rule and, in a container,
// a device mount; [Status] says whether.
func WithVMClock(path string) Option { return func(c *config) { c.vmclock = &path } }

// WithFallback makes the clock poll these sources itself, as a truetime.Clock with these options, while there is no
// daemon: from the beginning if Open finds nothing that it can use, and when the daemon has been silent for 10 s. What it
// has said last is used meanwhile. When there is a daemon that answers the polling ends.
//
// Each process that does so asks the servers by itself. What the daemon is sure of and what these sources say are
// different answers, both true: Earliest may go back when one takes the place of the other. Mistakes in the sources and
// options are found when they are first needed: by Open, or in [Status].
func WithFallback(sources []truetime.Source, options ...truetime.Option) Option {
	return func(c *config) {
		if len(sources) == 0 {
			c.mistakes.Addf("fallback without a source")
			return
		}
		c.fallback = &fallback{sources: slices.Clone(sources), options: slices.Clone(options)}
	}
}
