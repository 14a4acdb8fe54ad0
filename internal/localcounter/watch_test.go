package localcounter

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWatchMeasuresTheRateEverMoreNarrowly(t *testing.T) {
	s := newScript()
	w := s.hardware(t).Watch()
	low, high := w.Rate()
	for range 100 {
		s.pass(100 * time.Millisecond)
		require.NoError(t, w.Check())
		nextLow, nextHigh := w.Rate()
		require.GreaterOrEqual(t, nextLow, low)
		require.LessOrEqual(t, nextHigh, high)
		low, high = nextLow, nextHigh
	}
	require.Less(t, high-low, 1e-6)

	s.name = "hpet"
	low, high = s.counter(t).Watch().Rate()
	require.Zero(t, low)
	require.Zero(t, high)
}

func TestWatchNoticesADisagreementOfTenPPM(t *testing.T) {
	for _, fast := range []float64{10e-6, -10e-6} {
		s := newScript()
		w := s.hardware(t).Watch()
		s.settle(t, w)
		s.fast = fast // as after a migration
		s.pass(50 * time.Millisecond)
		err := w.Check()
		require.ErrorContains(t, err, "the processor's counter ran at")
		require.NoError(t, w.Check(), "it begins again")
	}
}

func TestWatchNoticesACounterThatWentBack(t *testing.T) {
	s := newScript()
	s.ticks = 1e12
	w := s.hardware(t).Watch()
	s.pass(time.Second)
	s.ticks -= 1e11
	err := w.Check()
	require.ErrorContains(t, err, "went back")
	require.NoError(t, w.Check())
}

func TestWatchNoticesASuspend(t *testing.T) {
	s := newScript()
	w := s.hardware(t).Watch()
	require.NoError(t, w.Check())
	s.suspended += 5 * time.Second
	err := w.Check()
	require.ErrorContains(t, err, "the machine was suspended for about 5s")
	require.NoError(t, w.Check())
}

// When the kernel gives up the TSC the two counters disagree at once, before anybody asks for the
// name of the clocksource again; or the machine resumes with an unstable TSC; or it all happened
// before the watch began. The counter must not be read any longer.
func TestClocksourceChangeIsSeenWhateverIsSeenFirst(t *testing.T) {
	for name, happen := range map[string]func(*testing.T, *script, *Counter) *Watch{
		"the counters disagree": func(t *testing.T, s *script, c *Counter) *Watch {
			w := c.Watch()
			s.settle(t, w)
			s.name, s.fast = "hpet", 20e-6
			s.pass(50 * time.Millisecond)
			return w
		},
		"the machine was suspended": func(t *testing.T, s *script, c *Counter) *Watch {
			w := c.Watch()
			require.NoError(t, w.Check())
			s.name = "hpet"
			s.suspended += time.Second
			return w
		},
		"before the watch began": func(_ *testing.T, s *script, c *Counter) *Watch {
			s.name = "hpet"
			return c.Watch()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			c := s.hardware(t)
			w := happen(t, s, c)
			require.ErrorContains(t, w.Check(), "the kernel changed its clocksource from tsc to hpet")
			require.Nil(t, c.Hardware())
			require.Equal(t, 102*time.Nanosecond, c.Resolution())
			require.NoError(t, w.Check())
		})
	}
}

// A suspend between the choice of the counter and the beginning of the watch is no rate of the
// counter, though the two counters have gone on differently meanwhile.
func TestSuspendBeforeTheWatchBeganIsSeen(t *testing.T) {
	s := newScript()
	c := s.hardware(t)
	s.suspended += time.Second
	w := c.Watch()
	require.ErrorContains(t, w.Check(), "the machine was suspended for about 1s")
	require.NoError(t, w.Check())
}

func TestCloneIsChangedByItsOwnWatchOnly(t *testing.T) {
	s := newScript()
	c := s.hardware(t)
	clone := c.Clone()
	w := c.Watch()
	s.name = "hpet"
	require.Error(t, w.Check())
	require.Nil(t, c.Hardware())
	require.NotNil(t, clone.Hardware())
}

func TestClocksourceThatChangesTakesTheCounterAlong(t *testing.T) {
	s := newScript()
	c := s.hardware(t)
	w, other := c.Watch(), c.Watch()
	s.name = "hpet"
	err := w.Check()
	require.ErrorContains(t, err, "the kernel changed its clocksource from tsc to hpet")
	require.Contains(t, c.String(), "the kernel keeps time by hpet")
	require.NoError(t, w.Check())

	require.ErrorContains(t, other.Check(), "another counter is read now: ")
	require.NoError(t, other.Check())
}

// What cannot be looked at has not changed: EMFILE, EACCES after a chroot, /sys that is not mounted
// for a while. Nothing ends, the counter stays, and a change that happens later is still noticed.
func TestNotBeingAbleToLookIsNoChange(t *testing.T) {
	for name, hide := range map[string]func(*script, error){
		"the clocksource": func(s *script, err error) { s.blind = err },
		"the reference":   func(s *script, err error) { s.mute = err },
		"both":            func(s *script, err error) { s.blind, s.mute = err, err },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			c := s.hardware(t)
			w := c.Watch()
			s.settle(t, w)
			hide(s, errors.New("too many open files"))
			for range 5 {
				s.pass(2 * time.Second)
				require.NoError(t, w.Check())
			}
			hide(s, nil)
			s.pass(2 * time.Second)
			require.NoError(t, w.Check())
			require.NotNil(t, c.Hardware(), c.String())

			s.name = "hpet"
			s.pass(2 * time.Second)
			require.ErrorContains(t, w.Check(), "the kernel changed its clocksource from tsc to hpet")
			require.Nil(t, c.Hardware())
		})
	}
}

// The same while the watch has other reasons to begin again.
func TestWatchThatBeginsWithoutAReadingMeasuresLater(t *testing.T) {
	s := newScript()
	w := s.hardware(t).Watch()
	s.settle(t, w)
	s.suspended += time.Minute
	s.mute = errors.New("not permitted")
	require.ErrorContains(t, w.Check(), "suspended")
	require.NoError(t, w.Check())
	s.mute = nil
	s.settle(t, w)
	s.fast = 20e-6
	s.pass(time.Second)
	require.ErrorContains(t, w.Check(), "the processor's counter ran at")
}

// A counter that has to be chosen anew while nobody can see what the kernel keeps time by is the
// reference, and the processor's comes back when it can be seen again.
func TestCounterGivenUpBlindlyComesBack(t *testing.T) {
	s := newScript()
	c := s.hardware(t)
	w := c.Watch()
	s.settle(t, w)
	s.blind, s.fast = errors.New("too many open files"), 20e-6
	s.pass(time.Second)
	require.ErrorContains(t, w.Check(), "the processor's counter ran at")
	require.Nil(t, c.Hardware())
	require.Contains(t, c.String(), "too many open files")
	for range 3 {
		s.pass(2 * time.Second)
		require.NoError(t, w.Check())
	}
	s.blind = nil
	s.pass(2 * time.Second)
	require.ErrorContains(t, w.Check(), "what the kernel keeps time by can be seen again: tsc")
	require.NotNil(t, c.Hardware())
	require.NoError(t, w.Check())
}

// A sandbox forbids to read the only counter there is: it stands at 0 from then on.
func TestACounterThatCannotBeReadAnyMoreIsDisruptedForAsLong(t *testing.T) {
	s := newScript()
	s.name = "kvm-clock"
	w := s.counter(t).Watch()
	require.NoError(t, w.Check())
	s.mute = errors.New("not permitted")
	for range 3 {
		s.pass(2 * time.Second)
		require.ErrorContains(t, w.Check(), "cannot be read any more: not permitted")
	}
	s.mute = nil
	s.pass(2 * time.Second)
	require.NoError(t, w.Check())
}
