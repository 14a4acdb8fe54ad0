package truetime

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/monotonic/vmclock"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// An Option changes what [New] assumes or does.
type Option func(*config)

type config struct {
	driftPPM       float64
	faulty         int // majority if negative
	poll           polling.Config
	maxUncertainty time.Duration
	events         func(Event)
	counter        monotonic.Counter
	vmclockPath    *string // nil for the default
	vmclock        *vmclock.Device
	vmclockText    string // for Status
	seed           uint64

	mistakes []error
}

const majority = -1

// Limits of the options.
const (
	maxDriftPPM = discipline.MaxDriftPPB / 1000
	minPoll     = time.Millisecond
	maxPoll     = 1 << 17 * time.Second // 36 h, as NTP's MAXPOLL (RFC 5905 figure 7)
	maxBurst    = 16
)

func defaults() config {
	return config{
		driftPPM: 200,
		faulty:   majority,
		poll:     polling.Config{Min: 16 * time.Second, Max: 256 * time.Second, Burst: 4},
		seed:     rand.Uint64(),
	}
}

func (c *config) mistake(format string, values ...any) {
	c.mistakes = append(c.mistakes, fmt.Errorf(format, values...))
}

// WithDrift sets ρ, the most by which the local counter's rate may differ from that of true time,
// in parts per million: above 0, at most 100 000. The default is 200.
//
// Between two samples each end of the interval moves away by ρ, 200 µs a second by default, so a smaller ρ is a
// narrower answer. It is also a promise: if the oscillator is worse than ρ, the interval may miss
// true time before the sources give it away. Quartz in servers is usually within 50 ppm, but the
// frequency a virtual machine sees may step by as much when it migrates.
func WithDrift(ppm float64) Option {
	return func(c *config) {
		if !(ppm > 0 && ppm <= maxDriftPPM) {
			c.mistake("drift of %v ppm: it must be above 0 and at most %d", ppm, maxDriftPPM)
			return
		}
		c.driftPPM = ppm
	}
}

// WithFaulty sets f, how many voters may be wrong at the same time: at least 0, and fewer than
// half of them. The default is the largest minority, ⌊(n−1)/2⌋ of n voters.
//
// A smaller f gives a narrower interval and a weaker promise. Voters are counted as configured,
// whether they answer or not, and the sources of a [Group] are one voter.
func WithFaulty(f int) Option {
	return func(c *config) {
		if f < 0 {
			c.mistake("%d faulty sources: it must be at least 0", f)
			return
		}
		c.faulty = f
	}
}

// WithPoll sets how often each source is asked: every min while it answers, and less and less often,
// down to every max, while it does not. Both are between 1 ms and 36 h, min not above max. The
// default is 16 s and 256 s.
//
// Between polls the interval widens: at 200 ppm and 16 s by 3.2 ms on each side. Public servers
// expect at least 16 s; ask servers of your own every second.
func WithPoll(min, max time.Duration) Option {
	return func(c *config) {
		if min < minPoll || max > maxPoll || min > max {
			c.mistake("poll interval of %v to %v: both must lie within %v and %v, the first not above the second", min, max, minPoll, maxPoll)
			return
		}
		c.poll.Min, c.poll.Max = min, max
	}
}

// WithBurst sets how many polls follow each other quickly, about 2 s apart or less, when the clock starts
// and after a disruption: 1 to 16, default 4. The best of them counts.
func WithBurst(polls int) Option {
	return func(c *config) {
		if polls < 1 || polls > maxBurst {
			c.mistake("burst of %d polls: it must be 1 to %d", polls, maxBurst)
			return
		}
		c.poll.Burst = polls
	}
}

// WithMaxUncertainty makes [Clock.Now] return [ErrUncertaintyTooLarge] while ε is above max, which
// must be above 0. By default an interval of any width is an answer.
func WithMaxUncertainty(max time.Duration) Option {
	return func(c *config) {
		if max <= 0 {
			c.mistake("maximum uncertainty of %v: it must be above 0", max)
			return
		}
		c.maxUncertainty = max
	}
}

// WithEvents has report called for every [Event], one at a time and in order, from a goroutine of
// the clock. It may call any method of the clock except Close, which waits for it. While it is
// slow events queue up, and beyond 256 they are dropped and counted.
func WithEvents(report func(Event)) Option {
	return func(c *config) {
		if report == nil {
			c.mistake("events: the function is nil")
			return
		}
		c.events = report
	}
}

// WithCounter replaces the local counter, which is otherwise [monotonic.System]. Every assumption
// about drift is then about this one.
func WithCounter(counter monotonic.Counter) Option {
	return func(c *config) {
		if counter == nil {
			c.mistake("counter is nil")
			return
		}
		c.counter = counter
	}
}

// WithVMClock makes the clock watch the VMClock device at path, through which a hypervisor tells its
// guest that the counter was disrupted by a migration or a restore. [New] fails if it cannot be
// used. An empty path means that none is watched.
//
// By default the clock watches [vmclock.DefaultPath] if it is there and can be read; Status says
// whether. A counter given by [WithCounter] that is not one of the machine's is not watched
// unless this option asks for it.
func WithVMClock(path string) Option {
	return func(c *config) { c.vmclockPath = &path }
}

// openVMClock opens the device that is to be watched, if any.
func (c *config) openVMClock() {
	_, own := c.counter.(*monotonic.SystemCounter)
	switch {
	case c.vmclockPath == nil && own:
		device, err := vmclock.Open(vmclock.DefaultPath)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.vmclockText = "no VMClock device"
		case err != nil:
			c.vmclockText = "VMClock not watched: " + err.Error()
		default:
			c.vmclock, c.vmclockText = device, "VMClock watched at "+vmclock.DefaultPath
		}
	case c.vmclockPath != nil && *c.vmclockPath != "":
		device, err := vmclock.Open(*c.vmclockPath)
		if err != nil {
			c.mistakes = append(c.mistakes, err)
			return
		}
		c.vmclock, c.vmclockText = device, "VMClock watched at "+*c.vmclockPath
	}
}

// configure applies the options and checks everything, sources included. It returns every mistake
// at once, and the vote to which each source belongs.
func configure(sources []Source, options []Option) (config, []int, error) {
	c := defaults()
	for _, o := range options {
		if o == nil {
			c.mistake("an option is nil")
			continue
		}
		o(&c)
	}
	voter, voters := c.vote(sources)
	switch {
	case c.faulty == majority:
		c.faulty = max(voters-1, 0) / 2
	case voters > 0 && c.faulty > (voters-1)/2:
		c.mistake("%d faulty of %d voters: fewer than half may be, at most %d", c.faulty, voters, (voters-1)/2)
	}
	if c.counter == nil {
		if counter, err := monotonic.System(); err != nil {
			c.mistakes = append(c.mistakes, err)
		} else {
			c.counter = counter
		}
	}
	if system, ok := c.counter.(*monotonic.SystemCounter); ok {
		c.counter = system.Clone() // watched, and perhaps changed, for this clock alone
	}
	c.openVMClock()
	if len(c.mistakes) > 0 {
		return config{}, nil, configError(c.mistakes)
	}
	return c, voter, nil
}

// vote checks the sources and numbers the votes.
func (c *config) vote(sources []Source) (voter []int, voters int) {
	if len(sources) == 0 {
		c.mistake("no sources: at least one is needed, and four to survive one that lies while another is down")
	}
	seen, groups := map[string]bool{}, map[string]int{}
	for i, s := range sources {
		own := -1
		if m, ok := s.(member); ok {
			if m.group == "" {
				c.mistake("source %d: the name of its group is empty", i+1)
			}
			if v, ok := groups[m.group]; ok {
				own = v
			} else {
				groups[m.group] = voters
			}
		}
		if own < 0 {
			own = voters
			voters++
		}
		voter = append(voter, own)

		inner := ungrouped(s)
		if inner == nil {
			c.mistake("source %d is nil", i+1)
			continue
		}
		name := inner.Name()
		if v, ok := inner.(interface{ Validate() error }); ok {
			if err := v.Validate(); err != nil {
				c.mistake("source %d, %.80q: %w", i+1, name, err)
				continue
			}
		}
		switch {
		case name == "":
			c.mistake("source %d has an empty name", i+1)
		case seen[name]:
			c.mistake("source %.80q is given more than once: it would have more than one vote", name)
		}
		seen[name] = true
	}
	return voter, voters
}

func ungrouped(s Source) Source {
	for {
		m, ok := s.(member)
		if !ok {
			return s
		}
		s = m.Source
	}
}

// configError is every mistake in one sentence.
type configError []error

func (e configError) Error() string {
	texts := make([]string, len(e))
	for i, m := range e {
		texts[i] = m.Error()
	}
	return "truetime: the clock was not started: " + strings.Join(texts, "; ")
}

func (e configError) Unwrap() []error { return e }
