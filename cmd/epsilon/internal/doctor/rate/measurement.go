package rate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// Clock is what the measurement asks: a [truetime.Clock], or a machine of a simulated world.
type Clock interface {
	Now() (truetime.Interval, error)
	NowTAI() (truetime.TAIInterval, error)
	Status() truetime.Status
}

// doubt is how much before a disruption does not count: it may have come before it was noticed, and sources
// that were wrong are remembered for as long (truetime's A3).
const doubt = 20 * time.Minute

// maxReasons bounds how many disruptions are told of.
const maxReasons = 5

// Measurement collects what a clock proves about its counter. It belongs to one goroutine.
type Measurement struct {
	counter    monotonic.Counter
	resolution time.Duration
	driftPPM   float64 // that the clock assumes

	history     history
	began, last monotonic.Instant
	narrowest   time.Duration // ε; 0 before the first answer
	tai         bool          // the moments of the present stretch are in TAI
	epoch       uint64
	misled      uint64   // how many epochs have ended because answers from their beginning on may have been wrong
	disruptions uint64   // how many epochs have ended
	reasons     []string // of the last of them
	status      truetime.Status
	fault       string // why the clock refuses for good, if it does
}

// New returns a measurement of a counter, by clocks that read it and assume a drift of driftPPM.
func New(counter monotonic.Counter, driftPPM float64) *Measurement {
	now := counter.Now()
	return &Measurement{counter: counter, resolution: monotonic.Resolution(counter), driftPPM: driftPPM, began: now, last: now, epoch: 1}
}

// Watch takes a moment whenever the clock has published something, until ctx ends, and calls told after each. It
// ends before if the counter turns out to be off by more than the clock assumes, with [truetime.ErrClockFaulty].
func (m *Measurement) Watch(ctx context.Context, clock *truetime.Clock, told func(*Measurement)) error {
	for ctx.Err() == nil {
		changed := clock.Changed()
		m.Take(clock)
		told(m)
		if errors.Is(m.status.Err, truetime.ErrClockFaulty) {
			m.fault = m.status.Err.Error()
			return m.status.Err
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// Narrowest returns the smallest ε so far; 0 before the first answer.
func (m *Measurement) Narrowest() time.Duration { return m.narrowest }

// Waiting is for how long there has been no first answer, and what keeps the clock from it; 0 once there was.
func (m *Measurement) Waiting() (time.Duration, string) {
	if m.narrowest > 0 {
		return 0, ""
	}
	return m.last.Sub(m.began), m.status.Summary()
}

// Disruptions returns how many epochs have ended so far, and why the last one did.
func (m *Measurement) Disruptions() (n uint64, reason string) {
	if len(m.reasons) > 0 {
		reason = m.reasons[len(m.reasons)-1]
	}
	return m.disruptions, reason
}

// Take asks the clock once.
func (m *Measurement) Take(clock Clock) {
	m.follow(clock.Status())
	before := m.counter.Now()
	earliest, latest, tai, err := ask(clock)
	after := m.counter.Now()
	status := clock.Status()
	m.last = after
	if status.Epoch != m.epoch || err != nil {
		m.follow(status) // nobody knows on which side of the disruption the answer was given
		return
	}
	m.status = status
	if tai != m.tai {
		m.history.end(after)
		m.tai = tai
	}
	if !tai && mayBeSmeared(latest) {
		m.history.end(after)
		return
	}
	got := momentOf(before, after, m.resolution, earliest, latest, m.driftPPM)
	m.history.add(got)
	if e := time.Duration(got.width()/2 + 1); m.narrowest == 0 || e < m.narrowest {
		m.narrowest = e
	}
}

// ask asks for true time in TAI, in which all seconds are alike, or where that is not known in smeared UTC.
func ask(clock Clock) (earliest, latest int64, tai bool, err error) {
	inTAI, err := clock.NowTAI()
	if !errors.Is(err, truetime.ErrTAIUnknown) {
		return int64(inTAI.Earliest), int64(inTAI.Latest), true, err
	}
	inUTC, err := clock.Now()
	return int64(inUTC.Earliest), int64(inUTC.Latest), false, err
}

// mayBeSmeared reports whether smeared UTC may run at another rate than true time: it does from noon to noon
// around a leap second, which may come at the end of a month (ITU-R TF.460-6). An hour is for answers that are wide.
func mayBeSmeared(t int64) bool {
	const halfDay = 13 * time.Hour
	at := truetime.Time(t).Std().UTC()
	return at.Add(-halfDay).Month() != at.Add(halfDay).Month()
}

// follow takes note of a disruption.
func (m *Measurement) follow(s truetime.Status) {
	m.status = s
	if s.Epoch == m.epoch {
		return
	}
	m.disruptions += s.Epoch - m.epoch
	if m.reasons = append(m.reasons, s.Disruption); len(m.reasons) > maxReasons {
		m.reasons = slices.Delete(m.reasons, 0, 1)
	}
	until := m.last.Add(-max(doubt, 4*slowest(s)))
	// Where two voters turn out to be one, or a leap second was believed in wrongly, it has been so from the first answer on.
	misled := s.Disruptions.Identity + s.Disruptions.LeapSeconds
	if misled != m.misled {
		until = m.began - 1
	}
	m.history.end(until)
	m.epoch, m.misled = s.Epoch, misled
}

// slowest is the longest time between two polls of a source that answers.
func slowest(s truetime.Status) (poll time.Duration) {
	for _, source := range s.Sources {
		if source.Reach != 0 {
			poll = max(poll, source.Poll)
		}
	}
	return poll
}
