package localcounter

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheProcessorsCounterIsReadWhereTheKernelKeepsTimeByIt(t *testing.T) {
	c := newScript().counter(t)
	require.NotNil(t, c.Hardware())
	require.Contains(t, c.String(), " at 2000.0 MHz")
	require.Equal(t, 2*time.Nanosecond, c.Resolution())
}

// A processor may count at a lower rate than that of its ticks, and by several of them at once.
func TestTheStepOfTheProcessorsCounterIsItsResolution(t *testing.T) {
	s := newScript()
	s.moves = 64 // 32 ns
	c := s.hardware(t)
	require.GreaterOrEqual(t, c.Resolution(), 32*time.Nanosecond)
	require.LessOrEqual(t, c.Resolution(), 35*time.Nanosecond)
	w := c.Watch()
	s.settle(t, w)
	low, high := w.Rate()
	multiplier, up := c.Hardware().Meter()
	rate := 2*math.Ldexp(float64(multiplier), int(up)-64) - 1 // there are 2 ticks to a nanosecond
	require.LessOrEqual(t, low, rate)
	require.GreaterOrEqual(t, high, rate)
}

func TestTheScaleFollowsTheReferenceAtTheMeasuredRate(t *testing.T) {
	s := newScript()
	c := s.hardware(t)
	w := c.Watch()
	s.settle(t, w)
	low, high := w.Rate()
	from, start := c.Hardware().At(s.readTicks()), s.elapsed
	for range 1000 {
		s.pass(17 * time.Millisecond)
		scaled := float64(c.Hardware().At(s.readTicks()) - from)
		passed := float64(s.elapsed - start)
		require.GreaterOrEqual(t, scaled, passed*(1+low)-3)
		require.LessOrEqual(t, scaled, passed*(1+high)+3)
	}
}

func TestFallbackSaysWhyTheProcessorsCounterIsNotUsed(t *testing.T) {
	for want, change := range map[string]func(*script){
		"the kernel keeps time by hpet and not by tsc":     func(s *script) { s.name = "hpet" },
		"CPUID does not call it invariant":                 func(s *script) { s.deaf = errors.New("CPUID does not call it invariant") },
		"its rate could be measured to within 639 ppm":     func(s *script) { s.takes = 800 },
		"a rate of 40000000000 ticks a second is not cred": func(s *script) { s.fast = 19 },
	} {
		s := newScript()
		change(s)
		c := s.counter(t)
		require.Nil(t, c.Hardware())
		require.Contains(t, c.String(), "; the processor's counter is not used: ")
		require.Contains(t, c.String(), want)
		require.NoError(t, c.Watch().Check())
	}
}

// Brackets of 1500 ns on either side, as a slow system call makes them, are too wide to calibrate
// by, and brackets of 50 ns, as the vDSO makes them, are not.
func TestNarrowBracketsMakeTheProcessorsCounterUsable(t *testing.T) {
	s := newScript()
	s.takes = 700
	require.Nil(t, s.counter(t).Hardware())
	s.takes = 25
	require.NotNil(t, s.counter(t).Hardware())
}

// A kernel that does not say what it keeps time by may serve a slewed clock as CLOCK_MONOTONIC_RAW.
// That is never assumed away, and who knows better can say so.
func TestAKernelThatNamesNoClocksourceIsRefusedUnlessSomebodyVouchesForIt(t *testing.T) {
	s := newScript()
	s.blind = fmt.Errorf("open current_clocksource: %w", errors.ErrUnsupported)
	_, err := newCounter(reference{}, chooser{machine: s})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "monotonic.Raw")

	c, err := newCounter(reference{}, chooser{s, "not asked for"})
	require.NoError(t, err)
	require.Contains(t, c.String(), "; the processor's counter is not used: not asked for")
	w := c.Watch()
	require.NoError(t, w.Check())
	s.blind = nil
	s.pass(time.Hour)
	require.NoError(t, w.Check(), "to see it for the first time is no change")
	s.name = "hpet"
	s.pass(time.Hour)
	require.ErrorContains(t, w.Check(), "the kernel changed its clocksource from tsc to hpet")
}

func TestResolutionIsThatOfTheHardware(t *testing.T) {
	for clocksource, want := range map[string]time.Duration{
		"acpi_pm": 282, "hpet": 102, "hyperv_clocksource_tsc_page": 102, "refined-jiffies": jiffy,
	} {
		s := newScript()
		got, err := rawResolution(s, clocksource)
		require.NoError(t, err)
		require.Equal(t, want, got, clocksource)
	}
}

// What has no name that we know ticks as its readings show: 32k_counter and dbx500-prcmu-timer at
// 32 768 Hz, some at less than 1 MHz, and some faster than they can be read.
func TestResolutionOfUnknownHardwareIsMeasured(t *testing.T) {
	for _, c := range []struct{ tick, takes time.Duration }{
		{30_518, 100}, {30_518, 1500}, {30_518, 29_000}, {30_518, 31_000}, {1, 25}, {1, 1500}, {10 * time.Millisecond, 5000}, {1001, 7}, {40, 39},
	} {
		for _, phase := range []time.Duration{0, 1, 997, 15_000, 30_517} {
			s := newScript()
			s.tick, s.takes = c.tick, c.takes
			s.pass(phase)
			for _, name := range []string{"32k_counter", "dbx500-prcmu-timer", "tsc", "kvm-clock", "xen", "arch_sys_counter", "never-seen-before", ""} {
				got, err := rawResolution(s, name)
				require.NoError(t, err)
				require.GreaterOrEqual(t, got, c.tick, "%+v after %v", c, phase)
				require.LessOrEqual(t, got, max(c.tick, c.takes)+c.tick+resolutionRounding, "%+v after %v", c, phase)
			}
		}
	}
}

func TestReferenceThatStandsStillOrGoesBackHasNoResolution(t *testing.T) {
	s := newScript()
	s.tick = 1000 * time.Hour
	_, err := rawResolution(s, "never-seen-before")
	require.ErrorContains(t, err, "stands still")
	s = newScript()
	s.takes = -5
	_, err = rawResolution(s, "never-seen-before")
	require.ErrorContains(t, err, "went back")
	s = newScript()
	s.mute = errors.New("not permitted")
	_, err = rawResolution(s, "never-seen-before")
	require.ErrorIs(t, err, s.mute)
}
