package truetimetest

import (
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Manual is a clock driven by hand. It has the Now, After and Before of [truetime.Clock], and fits
// wherever an interface asks for them. It is safe for use by many goroutines. Its zero value is not
// synchronized.
type Manual struct {
	mu       sync.Mutex
	interval truetime.Interval
	err      error
	set      bool
	changed  chan struct{}
}

// NewManual returns a clock that answers with truth ± uncertainty.
func NewManual(truth truetime.Time, uncertainty time.Duration) *Manual {
	m := &Manual{}
	m.Set(truetime.Interval{Earliest: truth.Add(-uncertainty), Latest: truth.Add(uncertainty)})
	return m
}

// Now returns the interval, or the error that the clock was told to refuse with. Before anything was
// set that is [truetime.ErrNotSynchronized].
func (m *Manual) Now() (truetime.Interval, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.err != nil:
		return truetime.Interval{}, m.err
	case !m.set:
		return truetime.Interval{}, truetime.ErrNotSynchronized
	}
	return m.interval, nil
}

// After reports whether t has certainly passed. It is false while the clock refuses.
func (m *Manual) After(t truetime.Time) bool {
	i, err := m.Now()
	return err == nil && i.After(t)
}

// Before reports whether t has certainly not arrived. It is false while the clock refuses.
func (m *Manual) Before(t truetime.Time) bool {
	i, err := m.Now()
	return err == nil && i.Before(t)
}

// Set makes the clock answer with i, whatever it answered before. A real clock never lets Earliest
// go back without refusing in between; this one does what it is told.
func (m *Manual) Set(i truetime.Interval) {
	m.change(func() { m.interval, m.err, m.set = i, nil, true })
}

// Advance moves both ends by d. While the clock refuses, what it will answer afterwards moves.
func (m *Manual) Advance(d time.Duration) {
	m.change(func() {
		m.interval.Earliest, m.interval.Latest = m.interval.Earliest.Add(d), m.interval.Latest.Add(d)
	})
}

// Widen moves both ends outward by d, as holdover does.
func (m *Manual) Widen(d time.Duration) {
	m.change(func() {
		m.interval.Earliest, m.interval.Latest = m.interval.Earliest.Add(-d), m.interval.Latest.Add(d)
	})
}

// Refuse makes the clock answer with err until Set or Resume is called.
func (m *Manual) Refuse(err error) { m.change(func() { m.err = err }) }

// Disrupt makes the clock refuse as after a disruption of its counter.
func (m *Manual) Disrupt() { m.Refuse(truetime.ErrNotSynchronized) }

// Resume ends a refusal.
func (m *Manual) Resume() { m.change(func() { m.err = nil }) }

// Changed returns a channel that is closed at the next change of the clock by any of the methods
// above.
func (m *Manual) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}

func (m *Manual) change(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}
