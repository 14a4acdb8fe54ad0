package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// source is what the engine knows about one source besides what it says of true time.
type source struct {
	schedule *polling.Schedule
	due      monotonic.Instant // when the next poll is, or the present one was
	reach    uint8
	outcome  Outcome // of the last poll
	peer     string  // who answered last; nobody else of this clock may
	denied   bool    // it denies service, and is asked again after days
	outcomes [Outcomes]uint64

	side      leap.UTC   // of a possible leap second, on which it was in an epoch without an answer
	suspicion leap.Scale // what it seems to serve, if suspected
	suspected bool
}

// Exchange is a poll that has been begun.
type Exchange struct {
	Epoch   uint64
	Begun   monotonic.Instant // no fact of it may be older
	Timeout time.Duration     // how long the answer may take
}

// Outcome is what came of an exchange.
type Outcome uint8

// The outcomes.
const (
	Answered  Outcome = iota // with facts
	Unusable                 // an answer that cannot be used
	SlowDown                 // the server wants to be asked less often
	Denied                   // the server denies service
	TimedOut                 // nothing came in time
	Failed                   // the request could not be sent
	Retracted                // what the source has said before follows from something false
	Outcomes  = iota         // how many there are
)

// Reply is what came of an exchange. All but the Outcome and MinPoll counts only if it was Answered.
type Reply struct {
	Outcome  Outcome
	Facts    discipline.Facts // in the scale that the source serves
	Age      time.Duration    // see truetime.Sample, also for the next three
	Peer     string
	Identity string
	MinPoll  time.Duration // 0 is no news unless it was Answered
	Say      leap.Say      // what it announces

	// TAIOffset is TAI−UTC as a source says that serves TAI; 0 if it does not.
	TAIOffset time.Duration
}

// ErrBeforePoll is why a sample was not used that was not taken for this poll.
var ErrBeforePoll = errors.New("the sample was taken before it was asked for: what has happened to the counter since is not known, so a source must not return a sample that it has kept")

// ErrOlderThanEpoch is why a sample was not used that was made of something older than the last disruption.
var ErrOlderThanEpoch = errors.New("the sample follows from a measurement that was made before the last disruption")

// DuplicateError is why a sample was not used that comes from the peer of another source.
type DuplicateError struct {
	Peer  string
	Other int // the source that has the peer's vote
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s has the vote of source %d", e.Peer, e.Other)
}

// ImplausibleError is why a sample was not used that says that it is earlier than it can be. Both are nanoseconds since 1970.
type ImplausibleError struct{ Latest, Since int64 }

func (e *ImplausibleError) Error() string {
	const layout = "2006-01-02"
	return fmt.Sprintf("it serves %s, and no time before %s is plausible: its date is wrong, or WithPlausibleSince is to be given an earlier one",
		time.Unix(0, e.Latest).UTC().Format(layout), time.Unix(0, e.Since).UTC().Format(layout))
}

// Due returns when source i is to be asked.
func (e *Engine) Due(i int) monotonic.Instant { return e.sources[i].due }

// Begin begins a poll of source i, before which the counter reads now.
func (e *Engine) Begin(i int, now monotonic.Instant) Exchange {
	return Exchange{e.discipline.Epoch(), now, e.sources[i].schedule.Timeout()}
}

// Finish ends a poll of source i. An error says why its sample was not used: it is a
// [*DuplicateError], [ErrBeforePoll], [ErrOlderThanEpoch] or one of the discipline's.
func (e *Engine) Finish(i int, x Exchange, r Reply, now monotonic.Instant) error {
	s, epoch := &e.sources[i], e.discipline.Epoch()
	r.Facts = measured(r.Facts)
	if r.Outcome == Answered || r.MinPoll > 0 {
		s.schedule.Wish(r.MinPoll)
	}
	retracted := r.Outcome == Retracted
	if retracted {
		if r.Outcome = Unusable; x.Epoch == epoch {
			e.discipline.Retract(i, now)
			e.believe(now)
		}
	}
	var err error
	if r.Outcome == Answered {
		if e.discipline.Votes(i) {
			e.steer(now)
		}
		if err = e.use(i, x, r, now); err != nil {
			r.Outcome = Unusable
		}
	}
	_, answered := e.discipline.Bounds()
	s.schedule.Urge(!answered)
	s.outcome = r.Outcome
	if retracted {
		s.outcomes[Retracted]++
	} else {
		s.outcomes[s.outcome]++
	}
	s.reach <<= 1
	wasDenied := s.denied
	s.denied = r.Outcome == Denied || s.denied && (r.Outcome == TimedOut || r.Outcome == Failed)
	var wait time.Duration
	switch {
	case s.denied:
		s.due = now.Add(s.schedule.Denied())
		e.afterEpoch(epoch, now)
		return err
	case r.Outcome == Answered:
		s.reach |= 1
		wait = s.schedule.Answered(r.Facts.Lower.At.Sub(r.Facts.Upper.At))
	case r.Outcome == SlowDown:
		wait = s.schedule.SlowDown()
	case r.Outcome == TimedOut:
		wait = s.schedule.TimedOut()
	default:
		wait = s.schedule.Failed()
	}
	if x.Epoch == epoch || e.discipline.CounterFaulty() || wasDenied { // else the poll after the disruption is due already: see afterEpoch
		s.due = e.takeTurn(i, wait, now)
		if invariants.Enabled {
			invariants.Check(s.due.After(now), "source %d is due at once after a poll, at %d", i, now)
		}
	}
	e.afterEpoch(epoch, now)
	return err
}

// use has the discipline use a sample.
//
// A fact counts by when it was taken, and not by when it arrives. Whatever has been noticed of the counter
// by now began an epoch, and an exchange begun in this one has no part before it. So a sample is used if its own
// poll was begun in this epoch, both its facts are of that poll, and whatever else they follow from is of this
// epoch, or of before the first. A disruption that is noticed only after the exchange was begun, or now, makes the epoch another one.
func (e *Engine) use(i int, x Exchange, r Reply, now monotonic.Instant) error {
	switch first := min(r.Facts.Upper.At, r.Facts.Lower.At); {
	case x.Epoch != e.discipline.Epoch(): // its counter readings are not of this epoch, and show nothing about leap seconds either
		return discipline.ErrOtherEpoch
	case first < x.Begun:
		return ErrBeforePoll
	case x.Epoch > 1 && r.Age > first.Sub(e.began): // neither of which can overflow, as first is of this epoch
		return ErrOlderThanEpoch
	}
	if latest := r.Facts.Upper.Time; latest < e.since { // whatever its scale: TAI is ahead of the others
		return &ImplausibleError{latest, e.since}
	}
	if other, ok := e.holder(i, r.Peer); ok {
		if e.sources[other].answersLately() {
			return &DuplicateError{r.Peer, other}
		}
		e.succeed(other)
	}
	if was := e.sources[i].peer; was != "" && was != r.Peer {
		e.discipline.Replace(i)
		e.scales.forget(i)
	}
	if e.discipline.Show(i, r.Identity, r.Facts.Lower.At); x.Epoch != e.discipline.Epoch() {
		e.believe(now)
		return discipline.ErrOtherEpoch
	}
	facts, err := e.convert(i, r, now)
	if err != nil {
		return err
	}
	if err := e.discipline.Add(i, facts, x.Epoch, now); err != nil {
		return err
	}
	e.sources[i].peer = r.Peer
	e.suspect(i, r.Facts, now)
	e.believe(now)
	return nil
}

// holder returns the source that has the vote of a peer which answers source i, if it is another one.
func (e *Engine) holder(i int, peer string) (other int, ok bool) {
	if peer == "" || !e.discipline.Votes(i) {
		return 0, false // there is no vote that could be had twice, or be taken away
	}
	for other := range e.sources {
		if other != i && e.discipline.Votes(other) && e.sources[other].peer == peer {
			return other, true
		}
	}
	return 0, false
}

// succeed takes the vote of its peer from a source that has fallen silent or was denied, because another one
// speaks for that peer now. What it has said is forgotten, or the peer would have two votes.
func (e *Engine) succeed(other int) {
	e.sources[other].peer = ""
	e.discipline.Replace(other)
	e.scales.forget(other)
}

// Denied reports whether source i denies service, and is asked again after days.
func (e *Engine) Denied(i int) bool { return e.sources[i].denied }

// PollInterval returns the present time between two polls of source i.
func (e *Engine) PollInterval(i int) time.Duration { return e.sources[i].schedule.Interval() }

// What kind of failure an exchange was. Package truetime exports these too.
var (
	ErrUnusable = errors.New("unusable answer")
	ErrSlowDown = errors.New("asked to slow down")
	ErrDenied   = errors.New("denied service")

	ErrRetracted = fmt.Errorf("%w that takes back the earlier ones", ErrUnusable)
)

// OutcomeOf is the outcome of an exchange that has ended with an error, perhaps because its time was over.
func OutcomeOf(err error, timedOut bool) Outcome {
	switch {
	case err == nil:
		return Answered
	case errors.Is(err, ErrRetracted):
		return Retracted
	case errors.Is(err, ErrDenied):
		return Denied
	case errors.Is(err, ErrSlowDown):
		return SlowDown
	case timedOut:
		return TimedOut
	case errors.Is(err, ErrUnusable):
		return Unusable
	}
	return Failed
}
