package monotonic

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// sysfs makes a directory that describes a kernel with this clocksource.
func sysfs(t *testing.T, clocksource string) string {
	t.Helper()
	dir := t.TempDir()
	setClocksource(t, dir, clocksource)
	return dir
}

func setClocksource(t *testing.T, dir, name string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "current_clocksource"), []byte(name+"\n"), 0o644))
}

func requireHardware(t *testing.T) *SystemCounter {
	t.Helper()
	if err := ticks.Usable(); err != nil {
		t.Skipf("the processor's counter cannot be used here: %v", err)
	}
	c, err := newSystemCounter(chooser{sysfs: sysfs(t, ticks.ClockSource)})
	require.NoError(t, err)
	require.NotNil(t, c.Hardware(), c.String())
	return c
}

// The choice of clock is part of the contract, so it is pinned: a reading lies between two readings
// of CLOCK_MONOTONIC_RAW, whatever CLOCK_MONOTONIC has been slewed to meanwhile.
func TestRawIsMonotonicRaw(t *testing.T) {
	counter, err := Raw()
	require.NoError(t, err)
	require.Contains(t, counter.String(), "CLOCK_MONOTONIC_RAW; the processor's counter is not used: not asked for")

	var before, after unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &before))
	now := counter.Now()
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &after))
	require.LessOrEqual(t, before.Nano(), int64(now))
	require.LessOrEqual(t, int64(now), after.Nano())
}

func TestFallbackSaysWhyTheProcessorsCounterIsNotUsed(t *testing.T) {
	unreadable := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(unreadable, "current_clocksource"), 0o755))
	for want, dir := range map[string]string{
		"the kernel keeps time by hpet and not by":           sysfs(t, "hpet"),
		"the kernel keeps time by never-seen-before and not": sysfs(t, "never-seen-before"),
		"no such file or directory":                          t.TempDir(),
		"is a directory":                                     unreadable,
		"the kernel names no clocksource":                    sysfs(t, ""),
	} {
		c, err := newSystemCounter(chooser{sysfs: dir})
		require.NoError(t, err)
		require.Nil(t, c.Hardware())
		require.Contains(t, c.String(), "CLOCK_MONOTONIC_RAW; the processor's counter is not used: ")
		require.Contains(t, c.String(), want)
		require.Positive(t, c.Now())
		require.NoError(t, c.Watch().Check())
	}
}

func TestResolutionIsThatOfTheHardware(t *testing.T) {
	for clocksource, want := range map[string]time.Duration{"acpi_pm": 282, "hpet": 102, "never-seen-before": 1000} {
		c, err := newSystemCounter(chooser{sysfs: sysfs(t, clocksource)})
		require.NoError(t, err)
		require.Equal(t, want, Resolution(c))
	}
	require.Equal(t, time.Nanosecond, Resolution(&Manual{}))
	require.LessOrEqual(t, Resolution(requireHardware(t)), time.Microsecond)
}

// The scaled counter keeps its distance from the reference within the measured rate.
func TestHardwareCounterFollowsTheReferenceAtTheMeasuredRate(t *testing.T) {
	c := requireHardware(t)
	w := c.Watch()
	measureUntil(t, w, 20e-6)
	low, high := w.Rate()
	// Each reading of the counter lies between two of the reference, however long they take.
	earliest := rawInstant()
	start := c.Now()
	latest := rawInstant()
	for range 1000 {
		require.NoError(t, w.Check())
		least := rawInstant().Sub(latest)
		scaled := float64(c.Now().Sub(start))
		most := rawInstant().Sub(earliest)
		const rounding = 10 // nanoseconds
		require.GreaterOrEqual(t, scaled, float64(least)*(1+low)-rounding)
		require.LessOrEqual(t, scaled, float64(most)*(1+high)+rounding)
	}
}

// measureUntil looks until the rate is known to within the given width.
func measureUntil(t *testing.T, w *Watch, width float64) {
	t.Helper()
	low, high := w.Rate()
	for looks := 0; high-low > width; looks++ {
		require.Less(t, looks, 100_000_000)
		require.NoError(t, w.Check())
		low, high = w.Rate()
	}
}

func TestWatchMeasuresTheRateEverMoreNarrowly(t *testing.T) {
	w := requireHardware(t).Watch()
	low, high := w.Rate()
	for range 100 {
		require.NoError(t, w.Check())
		nextLow, nextHigh := w.Rate()
		require.GreaterOrEqual(t, nextLow, low)
		require.LessOrEqual(t, nextHigh, high)
		low, high = nextLow, nextHigh
	}
	raw, err := Raw()
	require.NoError(t, err)
	low, high = raw.Watch().Rate()
	require.Zero(t, low)
	require.Zero(t, high)
}

func TestWatchNoticesADisagreementOfTenPPM(t *testing.T) {
	w := requireHardware(t).Watch()
	measureUntil(t, w, 5e-6)
	w.low, w.high = w.low+10e-6, w.high+10e-6
	err := w.Check()
	require.ErrorIs(t, err, ErrDisrupted)
	require.ErrorContains(t, err, "the processor's counter ran at")
	require.NoError(t, w.Check(), "it begins again")
}

func TestWatchNoticesACounterThatWentBack(t *testing.T) {
	w := requireHardware(t).Watch()
	w.last.after += 1 << 40
	err := w.Check()
	require.ErrorIs(t, err, ErrDisrupted)
	require.ErrorContains(t, err, "went back")
	require.NoError(t, w.Check())
}

func TestWatchNoticesASuspend(t *testing.T) {
	w := requireHardware(t).Watch()
	require.NoError(t, w.Check())
	w.suspended.least -= 5 * time.Second // as if we had last looked before it
	w.suspended.most -= 5 * time.Second
	err := w.Check()
	require.ErrorIs(t, err, ErrDisrupted)
	require.ErrorContains(t, err, "the machine was suspended for about 5s")
	require.NoError(t, w.Check())
}

// When the kernel gives up the TSC the two counters disagree at once, before anybody asks for the
// name of the clocksource again; or the machine resumes with an unstable TSC; or it all happened
// before the watch began. The counter must not be read any longer.
func TestClocksourceChangeIsSeenWhateverIsSeenFirst(t *testing.T) {
	for name, happen := range map[string]func(*testing.T, *SystemCounter) *Watch{
		"the counters disagree": func(t *testing.T, c *SystemCounter) *Watch {
			w := c.Watch()
			measureUntil(t, w, 5e-6)
			setClocksource(t, c.sysfs, "hpet")
			w.low, w.high = w.low+10e-6, w.high+10e-6
			return w
		},
		"the machine was suspended": func(t *testing.T, c *SystemCounter) *Watch {
			w := c.Watch()
			require.NoError(t, w.Check())
			setClocksource(t, c.sysfs, "hpet")
			w.suspended.least, w.suspended.most = w.suspended.least-time.Second, w.suspended.most-time.Second
			return w
		},
		"before the watch began": func(t *testing.T, c *SystemCounter) *Watch {
			setClocksource(t, c.sysfs, "hpet")
			return c.Watch()
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := requireHardware(t)
			w := happen(t, c)
			require.ErrorContains(t, w.Check(), "the kernel changed its clocksource from "+ticks.ClockSource+" to hpet")
			require.Nil(t, c.Hardware())
			require.Equal(t, 102*time.Nanosecond, c.Resolution())
			require.NoError(t, w.Check())
		})
	}
}

// A suspend between the choice of the counter and the beginning of the watch is no rate of the
// counter, though the two counters have gone on differently meanwhile.
func TestSuspendBeforeTheWatchBeganIsSeen(t *testing.T) {
	c := requireHardware(t)
	chosen := *c.choice.Load()
	chosen.suspended.least, chosen.suspended.most = chosen.suspended.least-time.Second, chosen.suspended.most-time.Second
	c.choice.Store(&chosen)
	w := c.Watch()
	require.ErrorContains(t, w.Check(), "the machine was suspended for about 1s")
	require.NoError(t, w.Check())
}

func TestCloneIsChangedByItsOwnWatchOnly(t *testing.T) {
	c := requireHardware(t)
	clone := c.Clone()
	w := c.Watch()
	setClocksource(t, c.sysfs, "hpet")
	w.named = 0
	require.Error(t, w.Check())
	require.Nil(t, c.Hardware())
	require.NotNil(t, clone.Hardware())
	require.InDelta(t, float64(c.Now()), float64(clone.Reference()), float64(time.Minute))
}

func TestClocksourceThatChangesTakesTheCounterAlong(t *testing.T) {
	c := requireHardware(t)
	w, other := c.Watch(), c.Watch()
	setClocksource(t, c.sysfs, "hpet")
	w.named, other.named = 0, 0 // as if a second had passed
	err := w.Check()
	require.ErrorIs(t, err, ErrDisrupted)
	require.ErrorContains(t, err, "the kernel changed its clocksource from "+ticks.ClockSource+" to hpet")
	require.Contains(t, c.String(), "the kernel keeps time by hpet")
	require.NoError(t, w.Check())

	require.ErrorContains(t, other.Check(), "another counter is read now: CLOCK_MONOTONIC_RAW")
	require.NoError(t, other.Check())

	require.NoError(t, os.Remove(filepath.Join(c.sysfs, "current_clocksource")))
	w.named = 0
	require.ErrorIs(t, w.Check(), ErrDisrupted)
	require.NoError(t, w.Check(), "not known any more, so not watched any more")
}

// A sandbox may forbid clock_gettime. That is an error and no counter that stands still.
func TestCounterThatASandboxForbidsIsRefused(t *testing.T) {
	const asChild = "EPSILON_TEST_FORBID_CLOCK_GETTIME"
	if os.Getenv(asChild) != "" {
		require.NoError(t, forbidClockGettime())
		_, err := System()
		require.ErrorIs(t, err, ErrNoCounter)
		require.ErrorIs(t, err, unix.EPERM)
		require.ErrorContains(t, err, "reading CLOCK_MONOTONIC_RAW failed")
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestCounterThatASandboxForbidsIsRefused$", "-test.v")
	child.Env = append(os.Environ(), asChild+"=1")
	output, err := child.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == noSeccomp {
		t.Skip("this kernel does not let us install a seccomp filter")
	}
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "--- PASS")
}
