package ntpsrc

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func TestTimexIsDecodedInItsUnits(t *testing.T) {
	at := func(status int32, fraction int64) *unix.Timex {
		sec := unix.NsecToTimespec(1_700_000_000e9 + fraction) // fields as wide as on this architecture
		x := &unix.Timex{Status: status, Maxerror: 1234}
		x.Time.Sec, x.Time.Usec = sec.Sec, sec.Nsec
		return x
	}
	require.Equal(t, kernelClock{time: wallStart.Add(999_999 * time.Microsecond), resolution: time.Microsecond, maxError: 1234 * time.Microsecond},
		decodeTimex(unix.TIME_OK, at(0, 999_999)))
	require.Equal(t, kernelClock{time: wallStart.Add(999_999), resolution: time.Nanosecond, maxError: 1234 * time.Microsecond},
		decodeTimex(unix.TIME_OK, at(unix.STA_NANO|unix.STA_PLL, 999_999)))

	require.True(t, decodeTimex(unix.TIME_OK, at(unix.STA_UNSYNC, 0)).unsynchronized)
	require.True(t, decodeTimex(unix.TIME_ERROR, at(0, 0)).unsynchronized)
	require.True(t, decodeTimex(unix.TIME_OOP, at(0, 0)).inLeapSecond)
	require.False(t, decodeTimex(unix.TIME_WAIT, at(0, 0)).inLeapSecond)
	require.Equal(t, truetime.LeapInsert, decodeTimex(unix.TIME_INS, at(unix.STA_INS, 0)).leap)
	require.Equal(t, truetime.LeapDelete, decodeTimex(unix.TIME_DEL, at(unix.STA_DEL, 0)).leap)

	x := at(0, 0)
	x.Maxerror = math.MaxInt
	most := decodeTimex(unix.TIME_OK, x).maxError
	require.LessOrEqual(t, most, time.Hour, "not an overflow")
	require.Greater(t, most, 30*time.Minute)
}

// Whatever this machine's kernel says about its clock, it is said about the clock that it has.
func TestKernelReadsTheSystemClock(t *testing.T) {
	before := truetime.Time(testbed.Realtime())
	clock, err := readKernelClock()
	after := truetime.Time(testbed.Realtime())
	require.NoError(t, err)
	require.GreaterOrEqual(t, clock.time.Add(clock.resolution), before)
	require.LessOrEqual(t, clock.time, after)
	require.NotZero(t, clock.maxError, "it grows by 500 ppm")

	s, err := Kernel().Sample(t.Context(), system(t))
	if clock.unsynchronized {
		require.ErrorIs(t, err, truetime.ErrUnusable)
		require.ErrorContains(t, err, "STA_UNSYNC")
		t.Logf("this system clock is not synchronized, maxerror %v", clock.maxError)
		return
	}
	require.NoError(t, err)
	now := truetime.Time(testbed.Realtime())
	require.GreaterOrEqual(t, s.Latest, before)
	require.LessOrEqual(t, s.Earliest, now)
}

func BenchmarkKernelClock(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readKernelClock(); err != nil {
			b.Fatal(err)
		}
	}
}

// Nobody takes a tick back if the daemon that has stretched it dies. What an oscillator takes is no more than 500 ppm.
func TestKernelIsNotBelievedWhileItsTickIsStretched(t *testing.T) {
	for _, c := range []struct {
		tick, ppm int64
		believed  bool
	}{
		{10_000, 0, true}, {10_005, 0, true}, {9995, 0, true}, {10_006, 0, false}, {9994, 0, false}, {10_833, 0, false}, {0, 0, true},
		{10_005, 1, false}, {9995, -1, false}, {10_006, -100, true}, {10_000, 500, true}, {10_000, -500, true},
	} {
		var counter monotonic.Manual
		x := &unix.Timex{Maxerror: 1000}
		reflect.ValueOf(x).Elem().FieldByName("Tick").SetInt(c.tick) // of 32 bits on some systems
		reflect.ValueOf(x).Elem().FieldByName("Freq").SetInt(c.ppm << 16)
		x.Time.Sec = 1_700_000_000
		_, err := scriptedKernel(&counter, 1, decodeTimex(unix.TIME_OK, x), nil).Sample(assuming(t.Context(), 200), &counter)
		if c.believed {
			require.NoError(t, err, c)
		} else {
			require.ErrorContains(t, err, "and maxerror grows by 500", c)
		}
	}
}
