package localcounter

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script is a machine whose readings are made up. Its processor's counter has 2 ticks to a
// nanosecond and is called tsc. Nothing on it takes time but readings and sleep.
type script struct {
	elapsed time.Duration // true time
	fast    float64       // by how much the processor's counter runs fast, of itself
	ticks   float64
	moves   uint64 // by how many ticks at once the processor's counter moves, if more than one

	takes time.Duration // a reading of anything
	tick  time.Duration // of the reference

	name      string // of the clocksource
	suspended time.Duration

	blind, mute, deaf error // from clocksource, raw and usable
}

func newScript() *script {
	return &script{elapsed: time.Hour, ticks: 12345, takes: 25, tick: 1, name: "tsc"}
}

func (s *script) pass(d time.Duration) {
	s.elapsed += d
	s.ticks += 2 * float64(d) * (1 + s.fast)
}

func (s *script) usable(clocksource string) error {
	if clocksource != "tsc" {
		return errors.New("the kernel keeps time by " + clocksource + " and not by tsc")
	}
	return s.deaf
}

func (s *script) readTicks() uint64 {
	s.pass(s.takes)
	return uint64(s.ticks) / s.step() * s.step()
}

func (s *script) step() uint64 { return max(s.moves, 1) }

func (s *script) bracket() (p pair, err error) {
	p.before = s.readTicks()
	p.raw, err = s.raw()
	p.after = s.readTicks()
	return p, err
}

func (s *script) raw() (int64, error) {
	s.pass(s.takes)
	return int64(s.elapsed / s.tick * s.tick), s.mute
}

func (s *script) clocksource() (string, error) { return s.name, s.blind }

func (s *script) suspension() suspension {
	return suspension{least: s.suspended - 1, most: s.suspended + 1, known: true}
}

func (s *script) sleep(d time.Duration) { s.pass(d) }

func (s *script) counter(t *testing.T) *Counter {
	t.Helper()
	c, err := newCounter(reference{}, chooser{machine: s})
	require.NoError(t, err)
	return c
}

// hardware is a counter that reads the processor's.
func (s *script) hardware(t *testing.T) *Counter {
	t.Helper()
	c := s.counter(t)
	require.NotNil(t, c.Hardware(), c.String())
	return c
}

// settle looks once a second until the rate is well known.
func (s *script) settle(t *testing.T, w *Watch) {
	t.Helper()
	for range 20 {
		s.pass(time.Second)
		require.NoError(t, w.Check())
	}
	low, high := w.Rate()
	require.Less(t, high-low, 1e-6)
}
