package truetimetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Manual is a clock driven by hand. It has the Now, After and Before of [truetime.Clock], and fits
// wherever an interface asks for them. It is safe for use by many goroutines. Its zero value is not
// synchronized.
//
// It stands still. While something waits for its time to come, such as a commit-wait, call Advance
// from another goroutine, or it waits for ever.
type Manual struct {
	mu       sync.Mutex
	interval truetime.Interval
	err      error
	set      bool
	changed  chan struct{}
}

// NewManual returns a clock that answers with truth ± uncertainty. It panics if uncertainty is below
// 0, since that is a mistake in a test.
func NewManual(truth truetime.Time, uncertainty time.Duration) *Manual {
	if uncertainty < 0 {
		panic(fmt.Sprintf("truetimetest: uncertainty of %v: it must not be below 0", uncertainty))
	}
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
// go back without refusing in between, or answers with an interval that is upside down; this one does
// what it is told.
func (m *Manual) Set(i truetime.Interval) {
	m.change(func() { m.interval, m.err, m.set = i, nil, true })
}

// Advance moves both ends by d. While the clock refuses, what it will answer afterwards moves.
func (m *Manual) Advance(d time.Duration) {
	m.change(func() {
		m.interval.Earliest, m.interval.Latest = m.interval.Earliest.Add(d), m.interval.Latest.Add(d)
	})
}

// Widen moves both ends outward by d, as holdover does. It panics if d is below 0: Set is what makes
// an interval narrower.
func (m *Manual) Widen(d time.Duration) {
	if d < 0 {
		panic(fmt.Sprintf("truetimetest: Widen by %v: it must not be below 0, use Set to make the interval narrower", d))
	}
	m.change(func() {
		m.interval.Earliest, m.interval.Latest = m.interval.Earliest.Add(-d), m.interval.Latest.Add(d)
	})
}

// Refuse makes the clock answer with err until Set or Resume is called. It panics if err is nil.
func (m *Manual) Refuse(err error) {
	if err == nil {
		panic("truetimetest: Refuse needs an error: use Resume to end a refusal")
	}
	m.change(func() { m.err = err })
}

// Disrupt makes the clock refuse as after a disruption of its counter.
func (m *Manual) Disrupt() { m.Refuse(truetime.ErrNotSynchronized) }

// Resume ends a refusal.
func (m *Manual) Resume() { m.change(func() { m.err = nil }) }

// Changed returns a channel that is closed at the next change of the clock by any other method.
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
