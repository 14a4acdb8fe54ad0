package truetimetest

import (
	"fmt"
	"io"
	"time"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// MachineConfig describes a machine and its clock. Sources are required; everything else may be left
// out, and then means what it means for [truetime.New], unless it says otherwise here.
type MachineConfig struct {
	Oscillator  Oscillator        // nil for one that is right
	Counter     monotonic.Instant // what the counter reads at first
	CounterTick time.Duration     // the counter's step; 1 ns by default

	// Latency is the longest time by which the machine is late in everything it does.
	Latency time.Duration

	Sources []Link // at least one

	// Samples, if not nil, is called by [World.Run] with every sample that the clock takes in, so that other rules
	// can be tried on the same. It may call any method but Run.
	Samples func(source int, s truetime.Sample)

	// Recorder, if not nil, gets the clock's journal: see [truetime.WithRecorder]. What it returns is ignored. It must
	// call no method of the world, its machines or servers.
	// Each Restart begins another journal.
	Recorder io.Writer

	// TableUntil is until when the machine's leap second table is valid, which has all leap seconds of the
	// world up to then; the whole life of the world by default.
	TableUntil truetime.Time

	// PlausibleSince is the earliest time that the machine believes of any server: see [truetime.WithPlausibleSince].
	// 1970 by default, since a world may begin at any time.
	PlausibleSince truetime.Time

	DriftPPM float64 // ρ as declared, 200 by default: the oscillator may be worse
	Faulty   int     // f; 0 for the largest minority, −1 for none

	Poll    time.Duration // between polls of a source that answers; 16 s by default, and 1 s with a target
	MaxPoll time.Duration // of one that does not; 256 s by default, and never below Poll
	Burst   int           // polls in short order at the start; 4 by default

	MaxUncertainty    time.Duration // above it Now refuses; 0 for any
	TargetUncertainty time.Duration // to be kept by polling as often as it takes; 0 polls at Poll

	// A4, in the units of [truetime.WithMaxWander], which is a thousandth of that of [Wandering] and
	// [RandomWalk], and of [truetime.WithRateStability]. 0 is not assumed.
	MaxWander     float64
	RateStability float64

	UnseenPause time.Duration // see [truetime.WithUnseenPause]; 0 is not assumed
}

// Link says which server a machine asks, and over which path.
type Link struct {
	Server *Server
	Path   Path
	Group  string // sources of one group share a vote; empty for a vote of its own

	// Declared is the scale that the machine believes the server to serve; nil for the one that it serves.
	Declared *truetime.Scale

	// What the machine believes of the way to the server, which may be false: how far away it is at
	// least, in kilometres, and how long each message takes at least. See [ntpsrc.WithDistance] and
	// [ntpsrc.WithMinDelay]; 0 is nothing.
	Distance float64
	MinDelay time.Duration

	noVote bool    // it is heard, and nothing follows from what it says
	keeps  float64 // the probability that the last exchange is returned again in place of a new one
}

// claim is what the machine believes of the way.
func (l *Link) claim() (c distance.Claim, err error) {
	if l.Distance != 0 {
		err = c.SetDistance(l.Distance)
	}
	if l.MinDelay != 0 && err == nil {
		err = c.SetMinDelay(l.MinDelay)
	}
	return c, err
}

func (l *Link) declared() truetime.Scale {
	if l.Declared != nil {
		return *l.Declared
	}
	return l.Server.scale
}

// mistake says what makes no sense, if anything.
func (c *MachineConfig) mistake() string {
	if len(c.Sources) == 0 {
		return "it has no sources"
	}
	for i, l := range c.Sources {
		if l.Server == nil {
			return fmt.Sprintf("source %d has no server", i)
		}
		if _, err := l.claim(); err != nil {
			return fmt.Sprintf("source %d: %v", i, err)
		}
		for _, leg := range []Leg{l.Path.There, l.Path.Back} {
			if leg.CongestedFor > 0 && leg.CongestedEvery <= 0 {
				return fmt.Sprintf("a leg of source %d is congested every %v", i, leg.CongestedEvery)
			}
		}
	}
	switch {
	case !(c.DriftPPM >= 0 && c.DriftPPM <= discipline.MaxDriftPPB/1000):
		return fmt.Sprintf("drift of %v ppm", c.DriftPPM)
	case !(c.MaxWander >= 0):
		return fmt.Sprintf("maximum wander of %v ppb/s", c.MaxWander)
	case !(c.RateStability >= 0):
		return fmt.Sprintf("rate stability of %v ppm", c.RateStability)
	case c.Poll < 0 || c.MaxPoll < 0:
		return fmt.Sprintf("poll interval of %v", min(c.Poll, c.MaxPoll))
	case c.Burst < 0:
		return fmt.Sprintf("burst of %d polls", c.Burst)
	}
	if _, err := c.choices().Config(); err != nil {
		return err.Error()
	}
	return ""
}

// choices is the configuration as the user of a clock would have chosen it.
func (c *MachineConfig) choices() engine.Choices {
	choices := engine.Choices{
		DriftPPM:       c.DriftPPM,
		WanderPPB:      c.MaxWander,
		DeviationPPM:   c.RateStability,
		UnseenPause:    c.UnseenPause,
		Faulty:         c.Faulty,
		PollMin:        c.Poll,
		PollMax:        c.MaxPoll,
		Burst:          c.Burst,
		Target:         c.TargetUncertainty,
		MaxUncertainty: c.MaxUncertainty,
		PlausibleSince: int64(c.PlausibleSince),
	}
	switch {
	case c.Faulty == 0:
		choices.Faulty = engine.Majority
	case c.Faulty < 0:
		choices.Faulty = 0
	}
	for _, l := range c.Sources {
		choices.Members = append(choices.Members, engine.Member{Group: l.Group, NoVote: l.noVote, Scale: leap.Scale(l.declared())})
	}
	return choices
}
