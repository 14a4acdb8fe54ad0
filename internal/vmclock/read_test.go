package vmclock

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/monotonic"
)

func requireUsable(t testing.TB) {
	t.Helper()
	if err := ticks.Usable(); err != nil {
		t.Skipf("the hardware counter cannot be read here: %v", err)
	}
}

// hardware is a counter whose Instants are ticks.
type hardware struct{}

func (hardware) Now() monotonic.Instant { return monotonic.Instant(ticks.Read()) }

// meddler is a counter that does something at its readings, and that is in the middle of Read: the
// odd readings come before the hardware counter is read, the even ones after.
type meddler struct {
	monotonic.Manual
	readings int
	meddle   func(reading int)
}

func (m *meddler) Now() monotonic.Instant {
	m.readings++
	if m.meddle != nil {
		m.meddle(m.readings)
	}
	return m.Manual.Now()
}

// current is a page whose reference is the present reading of the counter, with ticks of 1 ns.
func current() abi {
	a := good()
	a.counterPeriodFracSec, a.counterPeriodShift = 0x89705F4136B4A597, 29
	a.counterPeriodMaxErrorRate = a.counterPeriodFracSec / 10_000
	a.counterID, a.counterValue = ownCounter(), ticks.Read()
	return a
}

// deviceOf is a device on a machine whose kernel trusts the counter, whatever this one does.
func deviceOf(t testing.TB, l *livePage) *Device {
	t.Helper()
	return &Device{path: "test", live: l, counterFault: ticks.Usable(), clocksources: trusting(t)}
}

// trusting is a list of clocksources with the processor's counter in it.
func trusting(t testing.TB) string {
	t.Helper()
	list := filepath.Join(t.TempDir(), "available_clocksource")
	require.NoError(t, os.WriteFile(list, []byte("kvm-clock "+ticks.ClockSource+" acpi_pm \n"), 0o600))
	return list
}

func TestReadBracketsTheHardwareCounter(t *testing.T) {
	requireUsable(t)
	a := current()
	d := deviceOf(t, a.live())
	for range 10_000 {
		r, err := d.read(hardware{})
		require.NoError(t, err)
		// The time at a reading of the counter; UnixNano may be rounded down by 2 ns.
		at := func(i monotonic.Instant) int64 { return half + int64(uint64(i)-a.counterValue) }
		require.GreaterOrEqual(t, r.UnixNano+2, at(r.Before))
		require.LessOrEqual(t, r.UnixNano, at(r.After))
		require.Less(t, r.Before, r.After)
		require.InDelta(t, 100, r.PeriodMaxErrorPPM, 1e-6, "a ten thousandth")
	}
}

// An update that happens between the loads and the end of the read makes it start again, whenever
// that is: the old content must not be paired with a later reading of the counter.
func TestReadStartsAgainWhenThePageChanges(t *testing.T) {
	requireUsable(t)
	for name, at := range map[string]int{"before the hardware counter": 1, "after it": 2} {
		t.Run(name, func(t *testing.T) {
			old, next := current(), current()
			next.disruptionMarker, next.timeSec = 78, noon+3600
			live := old.live()
			m := &meddler{meddle: func(reading int) {
				if reading == at {
					live.update(next)
				}
			}}
			r, err := deviceOf(t, live).read(m)
			require.NoError(t, err)
			require.EqualValues(t, 78, r.Marker)
			require.GreaterOrEqual(t, r.UnixNano, int64((noon+3600)*1_000_000_000))
			require.Equal(t, 4, m.readings, "two attempts")
		})
	}
}

// One count more is an update that has begun: its fields may be half written.
func TestReadStartsAgainWhenAnUpdateHasBegun(t *testing.T) {
	requireUsable(t)
	next := current()
	next.disruptionMarker = 78
	live := current().live()
	m := &meddler{}
	m.meddle = func(reading int) {
		switch reading {
		case 1:
			live.begin()
		case 2:
			require.True(t, updating(live[1].Load()))
			live.addSequence() // over, with nothing changed yet: a reader that looks only at the lowest bit would not notice
		case 3:
			live.update(next)
		}
	}
	r, err := deviceOf(t, live).read(m)
	require.NoError(t, err)
	require.EqualValues(t, 78, r.Marker)
	require.Equal(t, 6, m.readings, "three attempts")
}

func TestSequenceCountZeroIsLegal(t *testing.T) {
	requireUsable(t)
	a := current()
	a.seqCount = 0
	r, err := deviceOf(t, a.live()).read(&monotonic.Manual{})
	require.NoError(t, err)
	require.EqualValues(t, 77, r.Marker, "what the page says, and not a default")

	a.seqCount = 0xfffffffe // wraps to 0, and its neighbour, the time type, is not touched
	live := a.live()
	live.update(a)
	require.Zero(t, live[1].Load()>>32)
	_, err = deviceOf(t, live).read(&monotonic.Manual{})
	require.NoError(t, err)
}

func TestReadGivesUpOnAnUpdateThatNeverEnds(t *testing.T) {
	requireUsable(t)
	a := current()
	a.seqCount = 12345
	var m meddler
	start := time.Now()
	_, err := deviceOf(t, a.live()).read(&m)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, "sequence count now 12345")
	require.NotErrorIs(t, err, ErrNoTime)
	require.Zero(t, m.readings, "nothing is measured on a page that is being written")
	require.Less(t, time.Since(start), 20*time.Second, "100 ms on a machine that is not overloaded")
}

func TestReadGivesUpOnAHypervisorThatNeverRests(t *testing.T) {
	requireUsable(t)
	a := current()
	live := a.live()
	m := &meddler{meddle: func(int) { live.update(a) }}
	_, err := deviceOf(t, live).read(m)
	require.ErrorIs(t, err, ErrBusy)
	require.Equal(t, 2*(promptAttempts+patientAttempts), m.readings, "a bounded number of attempts")
}

func TestAnUnreadableCounterLeavesTheMarker(t *testing.T) {
	d := &Device{path: "test", live: good().live(), counterFault: ticks.ErrUnsupported}
	_, err := d.Read(&monotonic.Manual{})
	require.ErrorIs(t, err, ErrNoTime)
	require.ErrorIs(t, err, ticks.ErrUnsupported)
	require.ErrorContains(t, err, "vmclock: test: ")
	require.EqualValues(t, 77, d.Marker())
}

func TestTheKernelMustTrustTheCounter(t *testing.T) {
	requireUsable(t)
	list := filepath.Join(t.TempDir(), "available_clocksource")
	err := kernelTrustsCounter(list)
	require.ErrorIs(t, err, ErrNoTime)
	require.ErrorIs(t, err, fs.ErrNotExist)

	write := func(s string) { require.NoError(t, os.WriteFile(list, []byte(s), 0o600)) }
	write("kvm-clock " + ticks.ClockSource + " acpi_pm \n")
	require.NoError(t, kernelTrustsCounter(list), "a guest that runs on kvm-clock")

	d := deviceOf(t, current().live())
	d.clocksources = list
	_, err = d.Read(&monotonic.Manual{})
	require.NoError(t, err)
	write("kvm-clock acpi_pm \n") // found unstable after the device was opened
	require.ErrorIs(t, kernelTrustsCounter(list), ErrNoTime)
	r, err := d.Read(&monotonic.Manual{})
	require.ErrorIs(t, err, ErrNoTime)
	require.Zero(t, r)
	write("")
	require.ErrorIs(t, kernelTrustsCounter(list), ErrNoTime)
}

func BenchmarkRead(b *testing.B) {
	requireUsable(b)
	d := deviceOf(b, current().live())
	for b.Loop() {
		if _, err := d.read(hardware{}); err != nil {
			b.Fatal(err)
		}
	}
}
