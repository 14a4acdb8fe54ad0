package localcounter

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// sysfs makes a directory that describes a kernel with this clocksource.
func sysfs(t testing.TB, clocksource string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "current_clocksource"), []byte(clocksource+"\n"), 0o644))
	return dir
}

// onHost is the host, with another description of its clocksource.
func onHost(dir string) (*Counter, error) {
	r := openReference()
	return newCounter(r, chooser{machine: host{r, dir}})
}

// requireHardware reads this machine's processor's counter, whatever the kernel keeps time by.
func requireHardware(t testing.TB) *Counter {
	t.Helper()
	if err := ticks.Usable(); err != nil {
		t.Skipf("the processor's counter cannot be used here: %v", err)
	}
	c, err := onHost(sysfs(t, ticks.ClockSource))
	require.NoError(t, err)
	if c.Hardware() == nil {
		t.Skipf("the processor's counter is not used here: %v", c)
	}
	return c
}

// The choice of clock is part of the contract, so it is pinned: a reading lies between two readings
// of CLOCK_MONOTONIC_RAW, whatever CLOCK_MONOTONIC has been slewed to meanwhile.
func TestRawIsMonotonicRaw(t *testing.T) {
	counter, err := Raw()
	require.NoError(t, err)
	require.Contains(t, counter.String(), "CLOCK_MONOTONIC_RAW, read ")
	require.Contains(t, counter.String(), "; the processor's counter is not used: not asked for")

	var before, after unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &before))
	now := counter.Now()
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &after))
	require.LessOrEqual(t, before.Nano(), now)
	require.LessOrEqual(t, now, after.Nano())
}

// The same by system call alone, as on a machine whose vDSO cannot be used.
func TestCounterWithoutTheVDSO(t *testing.T) {
	c, err := newCounter(reference{}, chooser{host{reference{}, sysfs(t, "hpet")}, ""})
	require.NoError(t, err)
	require.Contains(t, c.String(), "CLOCK_MONOTONIC_RAW, read by system call; ")
	last := c.Now()
	for range 1000 {
		now := c.Now()
		require.GreaterOrEqual(t, now, last)
		last = now
	}
	require.NoError(t, c.Watch().Check())
}

func TestClocksourceThatCannotBeReadIsAnErrorThatNamesTheFile(t *testing.T) {
	unreadable := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(unreadable, "current_clocksource"), 0o755))
	for want, dir := range map[string]string{
		"no such file or directory":       t.TempDir(),
		"is a directory":                  unreadable,
		"the kernel names no clocksource": sysfs(t, ""),
	} {
		_, err := onHost(dir)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "monotonic.Raw")
	}
}

// The scaled counter of this machine keeps its distance from the reference within the measured
// rate.
func TestHardwareCounterFollowsTheReferenceAtTheMeasuredRate(t *testing.T) {
	c := requireHardware(t)
	w := c.Watch()
	require.NoError(t, w.Check())
	low, high := w.Rate()
	// Each reading of the counter lies between two of the reference, however long they take.
	earliest := c.Reference()
	start := c.Now()
	latest := c.Reference()
	for range 1000 {
		require.NoError(t, w.Check())
		least := c.Reference() - latest
		scaled := float64(c.Now() - start)
		most := c.Reference() - earliest
		rounding := 2 * float64(c.Resolution()+3)
		require.GreaterOrEqual(t, scaled, float64(least)*(1+low)-rounding)
		require.LessOrEqual(t, scaled, float64(most)*(1+high)+rounding)
	}
}

// A sandbox may forbid clock_gettime. Where the vDSO answers without it nothing is missed;
// otherwise that is an error, and no counter that stands still.
func TestCounterThatASandboxForbidsIsRefused(t *testing.T) {
	const asChild = "EPSILON_TEST_FORBID_CLOCK_GETTIME"
	if os.Getenv(asChild) != "" {
		require.NoError(t, forbidClockGettime())
		c, err := System()
		if err == nil {
			last := c.Now()
			for c.Now() == last {
			}
			t.Log(c)
		} else {
			requireForbidden(t, err)
		}
		requireForbidden(t, reference{}.check())
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

func requireForbidden(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, unix.EPERM)
	require.ErrorContains(t, err, "reading CLOCK_MONOTONIC_RAW failed")
}
