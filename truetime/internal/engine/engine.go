// Package engine decides what a clock does: whom it asks and when, what it makes of what comes
// back, what it believes about leap seconds, and when it stops trusting its counter. It is pure: "the counter reads c" and "this is what
// came of that exchange" go in, times of the next polls and bounds come out. There is no clock, no
// I/O and no goroutine in it, and the same input gives the same output. A clock on a real machine,
// the simulated world and the replay of a recording all drive this one engine.
//
// # How it is driven
//
// The driver asks a source when [Engine.Due] says so: it calls [Engine.Begin], performs the exchange
// within the time that Begin allows, and hands what came of it to [Engine.Finish]. Before each
// Finish, and no later than [Engine.LookBy], it calls [Engine.Look]. After each of the three, what
// the engine says may have changed.
package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

const (
	// LookEvery is the longest time for which nobody looks at the counter: what has happened to it may
	// make answers wrong until it is noticed. Every poll looks, too. It is longer than a second, so that
	// a clock that polls every second is not woken in between.
	LookEvery = 1500 * time.Millisecond

	// A gap of that length in which nobody looked is taken for a disruption, as nothing of the clock
	// has run: the machine may have been stopped, moved or restored meanwhile.
	maxGap = 5 * time.Second
)

// Config says who is asked, who votes and what is assumed.
type Config struct {
	Discipline discipline.Config
	Poll       polling.Config
	Seed       uint64            // of the jitter between polls
	Now        monotonic.Instant // the counter, as it is

	Scale []leap.Scale // what each source serves; nil if they all serve UTC with steps
	Table *leap.Table  // nil for the one that is built in

	// PlausibleSince is the earliest time that is believed of any source, in nanoseconds since 1970.
	PlausibleSince int64

	// Target is the uncertainty ε to keep by polling as often as it takes, within the limits of Poll.
	// 0 polls every Poll.Min.
	Target time.Duration

	// MaxUncertainty is the ε above which an Answer refuses; 0 for any.
	MaxUncertainty time.Duration
}

// State says what kind of answer the engine gives.
type State uint8

// The states.
const (
	Unsynchronized State = iota // not enough sources have answered in this epoch
	Synchronized                // more than f voters have answered one of their last three polls
	Holdover                    // no more than f have
	ClockFaulty                 // the counter contradicts the sources again and again
)

// Engine is the state of one clock. It is not safe for concurrent use.
type Engine struct {
	discipline *discipline.Discipline
	faulty     int
	pause      int64 // that the counter may lose unseen
	since      int64 // no earlier time is plausible
	sources    []source
	looked     monotonic.Instant
	began      monotonic.Instant // this epoch
	target     target
	scales     scales
	maxWidth   uint64 // of an answer, in nanoseconds

	published line.Pair // the last answer
	answered  uint64    // its epoch; 0 before the first
}

// New returns an engine all of whose sources are due at once.
func New(config Config) *Engine {
	config.Poll.Adaptive = config.Target > 0
	scales := newScales(config)
	config.Discipline.Counter = scales.widen(config.Discipline.Counter)
	config.Discipline.Pause = pauses(config.Discipline.Pause)
	e := &Engine{
		discipline: discipline.New(config.Discipline),
		scales:     scales,
		maxWidth:   math.MaxInt64,
		faulty:     config.Discipline.Faulty,
		pause:      config.Discipline.Pause,
		since:      config.PlausibleSince,
		sources:    make([]source, len(config.Discipline.Voter)),
		looked:     config.Now,
		began:      config.Now,
		target:     target{wanted: config.Target, interval: config.Poll.Min, min: config.Poll.Min, max: config.Poll.Max},
	}
	if config.MaxUncertainty > 0 {
		e.maxWidth = 2 * uint64(config.MaxUncertainty)
	}
	if voters := e.discipline.Voters(); invariants.Enabled {
		invariants.Check(e.faulty >= 0 && (2*e.faulty < voters || voters == 0), "%d of %d voters may be wrong: that is no majority", e.faulty, voters)
	}
	if !e.scales.smeared {
		e.scales.belief = leap.NewBelief(e.scales.table, leap.Voters{
			Sources: len(e.sources), Voters: e.discipline.Voters(), Faulty: e.faulty, Count: e.discipline.Count,
		})
	}
	for i := range e.sources {
		e.sources[i] = source{
			schedule: polling.New(config.Poll, rand.NewPCG(config.Seed, uint64(i))),
			due:      config.Now,
		}
	}
	return e
}

// LookBy is when Look has to be called at the latest.
func (e *Engine) LookBy() monotonic.Instant { return e.looked.Add(LookEvery) }

// Look tells the engine that the counter reads now, what is known about the counter, and what has
// happened to it since the last look, if anything. It ends the epoch if the counter cannot be
// trusted any more.
func (e *Engine) Look(now monotonic.Instant, counter discipline.CounterSpec, disruption string) {
	epoch, cause := e.discipline.Epoch(), discipline.Counter
	if gap := now.Sub(e.looked); disruption == "" && gap > maxGap {
		cause = discipline.Pause
		disruption = fmt.Sprintf("nothing of this process ran for %v: it was stopped, or the machine was", gap.Round(time.Millisecond))
	}
	e.looked = now
	if disruption != "" {
		e.discipline.Disrupt(now, cause, disruption)
	}
	e.discipline.SetCounter(e.scales.widen(counter))
	e.discipline.Observe(now)
	e.believe(now)
	e.afterEpoch(epoch, now)
}

// afterEpoch brings the sources up to date if the epoch is another one than it was: what they said
// is forgotten, and they are asked anew.
func (e *Engine) afterEpoch(before uint64, now monotonic.Instant) {
	if invariants.Enabled {
		invariants.Check(e.discipline.Epoch() >= before, "epoch %d follows epoch %d", e.discipline.Epoch(), before)
	}
	if e.discipline.Epoch() == before {
		return
	}
	e.began = now
	for i := range e.sources {
		s := &e.sources[i]
		s.peer = ""
		if s.denied || e.discipline.CounterFaulty() {
			s.due = min(s.due, now.Add(s.schedule.Interval())) // it may be of a counter that has gone back since
		} else {
			s.due = now.Add(s.schedule.Restart())
		}
	}
}

// State returns what kind of answer there is.
func (e *Engine) State() State {
	_, answered := e.discipline.Bounds()
	switch {
	case e.discipline.CounterFaulty():
		return ClockFaulty
	case !answered:
		return Unsynchronized
	case e.Answering() <= e.faulty:
		return Holdover
	default:
		return Synchronized
	}
}

// Answering counts the voters that have answered lately.
func (e *Engine) Answering() (voters int) {
	return e.discipline.Count(func(i int) bool { return e.sources[i].answersLately() })
}

// Discipline returns what the engine has concluded about true time. It is to be read only.
func (e *Engine) Discipline() *discipline.Discipline { return e.discipline }

// Sources returns how many sources there are.
func (e *Engine) Sources() int { return len(e.sources) }
