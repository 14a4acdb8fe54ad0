package truetime

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/perclock"
	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// config is what the options have made of the defaults, and what New starts from.
type config struct {
	choices       engine.Choices
	engine        engine.Config // what follows from them
	authenticated bool          // only authenticated sources have a vote
	events        func(Event)
	recorder      io.Writer
	flight        *FlightRecorder
	counter       monotonic.Counter
	vmclockPath   *string // nil for the default
	vmclock       *vmclock.Device
	vmclockText   string // for Status
	leaps         leapTable
	seed          uint64

	infos []SourceInfo // of each source, as it was when the clock was made

	mistakes []error
}

func defaults() config {
	return config{
		choices: engine.Choices{
			DriftPPM:       engine.DefaultDriftPPM,
			Faulty:         engine.Majority,
			PlausibleSince: int64(builtSince),
		},
		seed: rand.Uint64(),
	}
}

func (c *config) mistake(format string, values ...any) {
	c.mistakes = append(c.mistakes, fmt.Errorf(format, values...))
}

// compare notes options that are of use alone, and not beside each other.
func (c *config) compare() {
	choices := c.choices
	if limit := choices.MaxUncertainty; limit > 0 && choices.Target > limit {
		c.mistake("target uncertainty of %v (WithTargetUncertainty) is above the maximum of %v (WithMaxUncertainty): "+
			"the clock would be content with what it refuses to answer with", choices.Target, limit)
	}
	for _, limit := range []struct {
		value  time.Duration
		option string
	}{{choices.Target, "target uncertainty of %v (WithTargetUncertainty)"}, {choices.MaxUncertainty, "maximum uncertainty of %v (WithMaxUncertainty)"}} {
		if least := choices.UnseenPause / 2; limit.value > 0 && limit.value <= least {
			c.mistake(limit.option+" cannot be kept beside an unseen pause of %v (WithUnseenPause), by which alone the uncertainty is %v",
				limit.value, choices.UnseenPause, least)
		}
	}
	// Rates within the drift differ by 2ρ at most, and so does one of them from a mean of others.
	if widest := 2 * choices.DriftPPM; choices.DeviationPPM >= widest {
		c.mistake("rate stability of %v ppm (WithRateStability) says nothing beside a drift of %v ppm (WithDrift), "+
			"which lets the rate change by no more than %v ppm: leave it out, or give less",
			choices.DeviationPPM, choices.DriftPPM, widest)
	}
}

// openVMClock opens the device that is to be watched, if any.
func (c *config) openVMClock() {
	switch {
	case c.vmclockPath == nil && localcounter.Of(c.counter) != nil:
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
// at once.
func configure(sources []Source, options []Option) (config, error) {
	c := defaults()
	for _, o := range options {
		if o == nil {
			c.mistake("an option is nil")
			continue
		}
		o(&c)
	}
	c.compare()
	c.inquire(sources)
	var err error
	if c.engine, err = c.choices.Config(); err != nil {
		c.mistakes = append(c.mistakes, err)
	}
	if c.counter == nil {
		if counter, err := monotonic.System(); err != nil {
			c.mistakes = append(c.mistakes, err)
		} else {
			c.counter = counter
		}
	}
	if machine := localcounter.Of(c.counter); machine != nil {
		if inBubble(time.Now, c.counter) {
			c.mistakes = append(c.mistakes, errBubble)
		}
		c.counter = machineCounter{machine.Clone()} // watched, and perhaps changed, for this clock alone
	}
	if !perclock.Comparable(c.counter) {
		c.counter = &distinct{c.counter}
	}
	c.openVMClock()
	c.leaps.read(systemZones())
	c.claimFlightRecorder()
	if len(c.mistakes) > 0 {
		return config{}, configError(c.mistakes)
	}
	return c, nil
}

// machineCounter is the counter of this machine that one clock reads.
type machineCounter struct{ *localcounter.Counter }

func (m machineCounter) Now() monotonic.Instant { return monotonic.Instant(m.Counter.Now()) }

// distinct is a counter that can be told from another, though its own type cannot. Sources that serve several clocks
// remember something of each counter.
type distinct struct{ monotonic.Counter }

func (d *distinct) Resolution() time.Duration { return monotonic.Resolution(d.Counter) }

// inquire asks each source what it is, and checks that.
func (c *config) inquire(sources []Source) {
	if len(sources) == 0 {
		c.mistake("no sources: at least one is needed, three to stay right while one is wrong or down, and four to stay narrow as well while one is wrong and another is down")
		return
	}
	voting := false
	for _, s := range sources {
		i := info(s)
		c.infos = append(c.infos, i)
		c.choices.Members = append(c.choices.Members, engine.Member{Group: i.Group, NoVote: !c.mayVote(i), Scale: leap.Scale(i.Scale)})
		voting = voting || c.mayVote(i)
	}
	c.checkSources()
	if !voting {
		c.mistake("none of the sources is authenticated, and only such are to have a vote: use ntpsrc.NTS")
	}
}

// checkSources notes what is wrong with what the sources say of themselves.
func (c *config) checkSources() {
	seen := map[string]bool{}
	for i, s := range c.infos {
		if s.Err == errNilSource {
			c.mistake("source %d is nil", i+1)
			continue
		}
		if s.Err != nil {
			c.sourceMistake(i)
			continue
		}
		if s.Scale > ScaleTAI {
			c.mistake("source %d, %.80q: scale %v is none of ScaleUTC, ScaleUTCSmeared, ScaleTAI", i+1, s.Name, s.Scale)
		}
		switch {
		case s.Name == "":
			c.mistake("source %d has an empty name", i+1)
		case seen[s.Name]:
			c.mistake("source %.80q is given more than once: it would have more than one vote", s.Name)
		}
		seen[s.Name] = true
	}
}

// sourceMistake notes what source i says is wrong with it: once for those in a row that say the same, as
// all sources of a pool do.
func (c *config) sourceMistake(i int) {
	same := func(i, j int) bool {
		a, b := c.infos[i].Err, c.infos[j].Err
		return a != nil && b != nil && a.Error() == b.Error()
	}
	if i > 0 && same(i-1, i) {
		return
	}
	last := i
	for last+1 < len(c.infos) && same(i, last+1) {
		last++
	}
	s := c.infos[i]
	if last == i {
		c.mistake("source %d, %.80q: %w", i+1, s.Name, s.Err)
		return
	}
	c.mistake("sources %d to %d, %.80q to %.80q: %w", i+1, last+1, s.Name, c.infos[last].Name, s.Err)
}

// configError is every mistake in one sentence, and each text once.
type configError []error

func (e configError) Error() string {
	var texts []string
	for _, m := range e {
		if text := m.Error(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return "truetime: the clock was not started: " + strings.Join(texts, "; ")
}

func (e configError) Unwrap() []error { return e }
