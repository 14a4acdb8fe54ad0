package localcounter

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// watched is a counter on a scripted machine and a Watch that has looked at it for a while.
func watched(t *testing.T, s *script) (*Counter, *Watch) {
	t.Helper()
	c, err := newCounter(reference{}, chooser{machine: s})
	require.NoError(t, err)
	w := c.Watch()
	for range 10 {
		s.pass(time.Second)
		require.NoError(t, w.Check())
	}
	return c, w
}

func TestVerifyFindsNothingWhereNothingHasHappened(t *testing.T) {
	s := newScript()
	s.fast = 20e-6
	s.suspended = time.Minute
	c, w := watched(t, s)
	seen := w.Witness()
	require.True(t, seen.Hardware && seen.Compared && seen.SuspensionKnown)
	for _, later := range []time.Duration{0, time.Millisecond, time.Hour, 1000 * time.Hour} {
		s.pass(later)
		require.NoError(t, c.Verify(seen), "%v later", later)
	}
	s.blind, s.mute = errors.New("not now"), errors.New("not now")
	require.NoError(t, c.Verify(seen), "what cannot be read counts as unchanged")
}

func TestVerifyFindsWhatHasHappenedSinceTheWatchEnded(t *testing.T) {
	for says, happens := range map[string]func(*script){
		"suspended for about 2s":         func(s *script) { s.suspended += 2 * time.Second },
		"changed its clocksource":        func(s *script) { s.name = "hpet" },
		"the counter went back":          func(s *script) { s.ticks = 100 },
		"the processor's counter ran at": func(s *script) { s.ticks += 2e9; s.pass(time.Minute) },
	} {
		s := newScript()
		c, w := watched(t, s)
		seen := w.Witness()
		s.pass(time.Minute)
		happens(s)
		require.ErrorContains(t, c.Verify(seen), says)
	}
}

// A time namespace shows CLOCK_MONOTONIC_RAW and CLOCK_BOOTTIME shifted: to a reader in one, what the daemon has seen is
// shifted first.
func TestAWitnessIsMovedToAnotherTimeNamespace(t *testing.T) {
	s := newScript()
	s.suspended = time.Minute
	c, w := watched(t, s)
	const monotonic, boot = time.Hour, 3 * time.Hour
	seen := w.Witness().Moved(-monotonic, -boot) // as a daemon in another one would have written it
	require.Error(t, c.Verify(seen))
	require.NoError(t, c.Verify(seen.Moved(monotonic, boot)))
	require.Equal(t, w.Witness(), seen.Moved(monotonic, boot))
}

func TestAClocksourceHasANumber(t *testing.T) {
	require.Zero(t, ClocksourceID(""))
	require.EqualValues(t, uint64(0xaf63dc4c8601ec8c), ClocksourceID("a")) // a test vector of the FNV authors
	require.NotEqual(t, ClocksourceID("tsc"), ClocksourceID("hpet"))
}
