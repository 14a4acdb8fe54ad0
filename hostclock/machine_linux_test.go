package hostclock

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/truetime"
)

// Where the host's clock reads the processor's counter, so does a reader. Here that counter is true time, of 0.4 ns a tick,
// whatever the kernel keeps time by.
func TestAReaderReadsTheProcessorsCounterIfTheHostsClockDoes(t *testing.T) {
	if err := localcounter.Readable(); err != nil {
		t.Skipf("the processor's counter cannot be read here: %v", err)
	}
	meter := line.Meter{Multiplier: 0x6666666666666666, Up: 1}
	origin := ticks.Read()
	edge := func(off int64) line.Edge {
		return line.Edge{At: origin, Time: ahead + off, Rate: meter.Multiplier, After: meter.Multiplier, Until: origin + 1<<40, Ends: true}
	}
	truth := edge(0)
	w := newWriter(t, clockPath(t), func(_ *header, r *record) {
		r.Shown = line.Pair{Meter: meter, From: ticks.Read(), Lower: edge(-100), Upper: edge(100)}
		r.TAI = r.Shown
		r.Counter = localcounter.Witness{Hardware: true, Multiplier: 2 * meter.Multiplier}
	})
	c := open(t, w.path)
	for range 10_000 {
		before := truth.Straight(ticks.Read(), meter.Up)
		i, err := c.Now()
		after := truth.Straight(ticks.Read(), meter.Up)
		require.NoError(t, err)
		require.LessOrEqual(t, int64(i.Earliest), after)
		require.GreaterOrEqual(t, int64(i.Latest), before)
	}
	require.Contains(t, c.Status().Counter, ticks.Name)
}

// The hypervisor's disruption marker is compared after the counter was read, if the host's clock and this process both
// see the device.
func TestADisruptionThatTheHypervisorReportsIsSeenByNow(t *testing.T) {
	path, setMarker := vmPage(t, 5)
	w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.VM, r.Marker = true, 5 })
	c := open(t, w.path, WithVMClock(path))
	requireTrue(t, c)
	require.Contains(t, c.Status().Counter, path)

	setMarker(6)
	_, err := c.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.ErrorContains(t, err, "hypervisor")
	look(c)
	_, err = c.NowTAI()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)

	w.write(func(r *record) { r.Epoch, r.VM, r.Marker = 2, true, 6 })
	requireTrue(t, c)
	w.write(func(r *record) { r.Epoch = 3 }) // a host's clock that watches none
	requireTrue(t, c)

	_, err = Open(w.path, WithVMClock(path+".not"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(w.path, WithVMClock(path+".not"), WithFallback([]truetime.Source{nil}))
	require.ErrorIs(t, err, os.ErrNotExist, "no fallback mends an option")
}

// Who reads nothing but Now finds the daemon that comes after a disruption.
func TestNowFindsTheDaemonThatIsStartedAfterADisruption(t *testing.T) {
	vm, setMarker := vmPage(t, 5)
	w := newWriter(t, clockPath(t), func(_ *header, r *record) { r.VM, r.Marker = true, 5 })
	c := open(t, w.path, WithVMClock(vm))
	requireTrue(t, c)
	setMarker(6)
	newWriter(t, w.path, func(h *header, r *record) { h.writer, r.VM, r.Marker = 2, true, 6 })
	require.Eventually(t, func() bool { _, err := c.Now(); return err == nil }, time.Minute, time.Millisecond)
	requireTrue(t, c)
}

// A daemon may go over to the processor's counter in the middle of a run. Who may not read that would be killed by it.
func TestACounterThatThisProcessMayNotReadIsRefusedWheneverItIsPublished(t *testing.T) {
	if err := localcounter.Readable(); err != nil {
		t.Skipf("the processor's counter cannot be read here: %v", err)
	}
	w := newWriter(t, clockPath(t), nil)
	s := open(t, w.path).view.Load().segment
	w.write(func(r *record) { r.Epoch, r.Counter.Hardware = 2, true })
	_, _, err := s.record()
	require.NoError(t, err)

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TSC, unix.PR_TSC_SIGSEGV, 0, 0, 0); err != nil {
		t.Skipf("reading the counter cannot be forbidden here: %v", err)
	}
	_, _, err = s.record() // and no more: the clocks of this thread may be that counter too
	require.NoError(t, unix.Prctl(unix.PR_SET_TSC, unix.PR_TSC_ENABLE, 0, 0, 0))
	require.ErrorIs(t, err, ErrCounter)
}

func TestTimeOffsetsAreReadAsTheKernelWritesThem(t *testing.T) {
	monotonic, boot, err := parseTimeOffsets("monotonic         -1 500000000\nboottime       86400         7\n")
	require.NoError(t, err)
	require.Equal(t, -500*time.Millisecond, monotonic)
	require.Equal(t, 24*time.Hour+7, boot)
	for _, text := range []string{"monotonic 1", "monotonic x 0", "monotonic 0 1000000000", "monotonic 99999999999999 0", "boottime 0 -1"} {
		_, _, err := parseTimeOffsets(text)
		require.Error(t, err, text)
	}
}
