package ptpsrc

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// ioctlNumber computes _IOWR of include/uapi/asm-generic/ioctl.h for what the header of the ptp
// class defines with magic '='.
func ioctlNumber(number, size uintptr) uintptr {
	const write, read = 1, 2
	return (write|read)<<30 | size<<16 | '='<<8 | number
}

// The sizes are those of include/uapi/linux/ptp_clock.h, which has no pointers and no padding: a
// ptp_clock_time has 8 + 4 + 4 bytes, in an extended one there are four words and 25 times three of
// them, in a precise one three of them and four words.
func TestIoctlsAreThoseOfTheKernelsHeader(t *testing.T) {
	const clockTime, maxSamples = 16, 25
	require.EqualValues(t, clockTime, unsafe.Sizeof(unix.PtpClockTime{}))
	require.EqualValues(t, 3*clockTime+4*4, unsafe.Sizeof(unix.PtpSysOffsetPrecise{}))
	require.EqualValues(t, 4*4+maxSamples*3*clockTime, unsafe.Sizeof(unix.PtpSysOffsetExtended{}))
	require.EqualValues(t, 4, unsafe.Offsetof(unix.PtpSysOffsetExtended{}.Clockid))
	require.EqualValues(t, 16, unsafe.Offsetof(unix.PtpSysOffsetExtended{}.Ts))
	require.EqualValues(t, 32, unsafe.Offsetof(unix.PtpSysOffsetPrecise{}.Monoraw))
	require.Equal(t, ioctlNumber(8, 64), uintptr(ptpSysOffsetPrecise))
	require.Equal(t, ioctlNumber(9, 1216), uintptr(ptpSysOffsetExtended))
	require.LessOrEqual(t, phcSamples, maxSamples)
	require.EqualValues(t, 0, unix.CLOCK_REALTIME)
	require.EqualValues(t, 4, unix.CLOCK_MONOTONIC_RAW)
}

func TestWhatIsNoDeviceIsExplained(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	directory := t.TempDir()
	file, pipe := filepath.Join(directory, "file"), filepath.Join(directory, "pipe")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for device, want := range map[string]string{
		"/dev/null":     "/dev/null is not a PTP hardware clock",
		"/dev/zero":     "/dev/zero is not a PTP hardware clock",
		file:            "is not a PTP hardware clock",
		pipe:            "is not a PTP hardware clock",
		directory:       "is not a PTP hardware clock",
		"/dev/ptp12345": "there is no device /dev/ptp12345",
		"lo":            "interface lo has no PTP hardware clock",
		"nosuch0":       "there is no network interface nosuch0",
	} {
		_, err := PHC(device, vouched...).Sample(t.Context(), counter)
		require.ErrorContains(t, err, want, device)
	}
	// Nobody says how wrong it is, and that is noticed first.
	_, err = PHC("/dev/null", WithUTCOffset(0)).Sample(t.Context(), counter)
	require.ErrorContains(t, err, "nothing says how far /dev/null is from true time")
}

func TestWhatADeviceMayFailWithIsExplained(t *testing.T) {
	for err, want := range map[syscall.Errno]string{
		syscall.EACCES: "no permission to read /dev/ptp0: run as root",
		syscall.EPERM:  "no permission to read /dev/ptp0",
		syscall.ENODEV: "the device /dev/ptp0 is gone",
		syscall.ENXIO:  "the device /dev/ptp0 is gone",
		syscall.EBUSY:  "the device /dev/ptp0 is busy",
		syscall.EIO:    "reading /dev/ptp0",
	} {
		w := newScriptedPHC(10)
		w.preciseErr, w.rawErr, w.wallErr, w.readErr = err, err, err, err
		_, got := w.source(t, "/dev/ptp0", vouched...).Sample(t.Context(), w)
		require.ErrorContains(t, got, want)
		require.ErrorIs(t, got, err)
		w.openErr = err
		_, got = w.source(t, "/dev/ptp0", vouched...).Sample(t.Context(), w)
		require.ErrorContains(t, got, want)
		require.Equal(t, w.opened, w.closed)
	}
}

func TestErrorBoundIsANumberOfNanoseconds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phc_error_bound")
	for text, want := range map[string]time.Duration{"21377\n": 21377, "0\n": 0, "4294967295\n": 1<<32 - 1} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		got, err := readErrorBound(path)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "-1\n", "4294967296\n", "1.5\n", "none\n"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := readErrorBound(path)
		require.Error(t, err, "%q", text)
	}
	_, err := readErrorBound(filepath.Join(t.TempDir(), "nothing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestKernelsNumbersThatAreNoTimeAreMarked(t *testing.T) {
	require.EqualValues(t, 1_500_000_000, nanoseconds(unix.PtpClockTime{Sec: 1, Nsec: 500_000_000}))
	for _, bad := range []unix.PtpClockTime{{Sec: -1}, {Nsec: 1_000_000_000}, {Sec: 1 << 62}} {
		require.EqualValues(t, -1, nanoseconds(bad))
	}
}

// The host's own clocks, read by the same means as for a device.
func TestHostsClocksBracketAStamp(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	first, err := readRaw(hostPHC{}, counter)
	require.NoError(t, err)
	before := counter.Now()
	stamp, err := hostPHC{}.raw()
	require.NoError(t, err)
	after := counter.Now()
	last, err := readRaw(hostPHC{}, counter)
	require.NoError(t, err)
	b := rawBracket{first, last}
	from, ok := b.NotBefore(stamp)
	require.True(t, ok)
	require.LessOrEqual(t, from, after.Add(monotonic.Resolution(counter)))
	to, ok := b.NotAfter(stamp)
	require.True(t, ok)
	require.GreaterOrEqual(t, to.Add(monotonic.Resolution(counter)), before)
	watch, err := hostPHC{}.watch()
	require.NoError(t, err)
	require.False(t, watch.WasSet())
	wall, err := hostPHC{}.clocks(counter)
	require.NoError(t, err)
	require.LessOrEqual(t, wall.Before, wall.After)
}
