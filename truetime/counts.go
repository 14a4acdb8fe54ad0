package truetime

import (
	"errors"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/peaks"
)

// Polls counts what has come of the polls of a source since the clock was made.
type Polls struct {
	Used       uint64 // a sample that was used
	NoAnswer   uint64 // nothing in time, or the request could not be sent
	Unusable   uint64 // see ErrUnusable, also for a sample that the clock did not use
	Retracted  uint64 // see ErrRetracted
	SlowedDown uint64 // see ErrSlowDown
	Denied     uint64 // see ErrDenied
}

func pollsOf(n [engine.Outcomes]uint64) Polls {
	return Polls{
		Used:       n[engine.Answered],
		NoAnswer:   n[engine.TimedOut] + n[engine.Failed],
		Unusable:   n[engine.Unusable],
		Retracted:  n[engine.Retracted],
		SlowedDown: n[engine.SlowDown],
		Denied:     n[engine.Denied],
	}
}

// Total is how many polls there have been.
func (p Polls) Total() uint64 {
	return p.Used + p.NoAnswer + p.Unusable + p.Retracted + p.SlowedDown + p.Denied
}

// Disruptions counts the epochs that have ended since the clock was made, by the cause.
type Disruptions struct {
	Counter       uint64 // something has happened to the local counter
	Pause         uint64 // nothing of the process ran for more than 5 s
	Contradiction uint64 // more voters contradict each other or themselves than may be wrong
	Identity      uint64 // two voters that had counted as two have shown that they may be one machine
	LeapSeconds   uint64 // what was believed about leap seconds was wrong
}

func disruptionsOf(n [discipline.Causes]uint64) Disruptions {
	return Disruptions{
		Counter:       n[discipline.Counter],
		Pause:         n[discipline.Pause],
		Contradiction: n[discipline.Contradiction],
		Identity:      n[discipline.Identity],
		LeapSeconds:   n[discipline.LeapSeconds],
	}
}

// Refusals counts how often [Clock.Now] has begun to refuse since the clock was made, by the error. That it has no answer yet at
// the start is none. Some may be missing of those that only a caller at that very moment can see, as by a hypervisor's marker.
type Refusals struct {
	NotSynchronized     uint64
	UncertaintyTooLarge uint64
	ClockFaulty         uint64
}

// refusals counts. Why is what Now refuses with, nil while it answers.
type refusals struct {
	Refusals
	why error
}

// see says what Now refuses with by now.
func (r *refusals) see(err error) {
	switch {
	case errors.Is(err, ErrNotSynchronized):
		r.begin(ErrNotSynchronized, &r.NotSynchronized)
	case errors.Is(err, ErrUncertaintyTooLarge):
		r.begin(ErrUncertaintyTooLarge, &r.UncertaintyTooLarge)
	case errors.Is(err, ErrClockFaulty):
		r.begin(ErrClockFaulty, &r.ClockFaulty)
	default:
		r.why = nil
	}
}

func (r *refusals) begin(why error, count *uint64) {
	if !errors.Is(r.why, why) {
		*count++
	}
	r.why = why
}

// refusalAt is what Now refuses with while the answer is as wide as that; nil if it answers.
func (a *answer) refusalAt(uncertainty time.Duration) error {
	switch {
	case a.Err != nil:
		return a.Err
	case uncertainty == peaks.None: // the counter has gone back
		return ErrNotSynchronized
	case a.TooWide(uncertainty):
		return ErrUncertaintyTooLarge
	}
	return nil
}
