package testbed

import (
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// MaySetTime skips a test that sets the machine's clock, which disturbs everything on it, unless
// that was asked for.
func MaySetTime(t testing.TB) {
	t.Helper()
	if os.Getenv("EPSILON_TEST_SETTIME") != "1" {
		t.Skip("sets the machine's clock; EPSILON_TEST_SETTIME=1 runs it")
	}
}

// StepRealtime moves CLOCK_REALTIME by an exact amount.
func StepRealtime(t testing.TB, by time.Duration) {
	t.Helper()
	d := unix.NsecToTimespec(int64(by)) // in fields of the widths that this architecture has
	step := unix.Timex{Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO, Time: unix.Timeval{Sec: d.Sec, Usec: d.Nsec}}
	_, err := unix.Adjtimex(&step)
	require.NoError(t, err)
}

// StrobeRealtime has two goroutines step CLOCK_REALTIME to and fro, by microseconds to
// milliseconds, until the function that it returns is called. Nothing is left of it then.
func StrobeRealtime(t testing.TB, seed uint64) (stop func()) {
	t.Helper()
	end := make(chan struct{})
	var strobes sync.WaitGroup
	for g := range uint64(2) {
		rng := rand.New(rand.NewPCG(seed, g))
		strobes.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				by := time.Duration(1000 << rng.IntN(14)) // 1 µs to 8 ms
				if rng.IntN(2) == 0 {
					by = -by
				}
				StepRealtime(t, by)
				time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
				StepRealtime(t, -by)
				time.Sleep(time.Duration(rng.IntN(5000)) * time.Microsecond)
			}
		})
	}
	return func() { close(end); strobes.Wait() }
}

// SteerRealtime has the kernel's clock steered as time daemons do, each call with other values than the one before, until
// the function that it returns is called: by its tick, its frequency, its loop and adjtime(3), within microseconds or with
// pauses in which the kernel goes on as it was told. Then all is as it was, and CLOCK_REALTIME where it would have come to
// without, by CLOCK_MONOTONIC_RAW, which nobody steers. CLOCK_MONOTONIC has been steered too, and to be set leaves the clock
// unsynchronized until a daemon says otherwise.
func SteerRealtime(t testing.TB, seed uint64) (stop func()) {
	t.Helper()
	var before unix.Timex
	_, err := unix.Adjtimex(&before)
	require.NoError(t, err)
	ahead := aheadOfRaw(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	within := func(most int64) int64 { return rng.Int64N(2*most+1) - most }
	end := make(chan struct{})
	var steering sync.WaitGroup
	steering.Go(func() {
		for {
			const seen = unix.ADJ_STATUS | unix.ADJ_MAXERROR // a clock that nobody minds has an error of 16 s
			call := unix.Timex{Modes: seen, Status: unix.STA_UNSYNC}
			setTimex(&call.Maxerror, rng.Int64N(15_000_000))
			switch rng.IntN(5) {
			case 0, 1: // chronyd
				call.Modes |= unix.ADJ_TICK | unix.ADJ_FREQUENCY
				setTimex(&call.Tick, nominalTick+within(nominalTick/10))
				setTimex(&call.Freq, within(500<<16))
			case 2: // ptp4l, in user space
				call.Modes |= unix.ADJ_FREQUENCY
				setTimex(&call.Freq, within(500<<16))
			case 3: // ntpd
				call.Modes |= unix.ADJ_OFFSET | unix.ADJ_NANO | unix.ADJ_TIMECONST
				call.Status = unix.STA_PLL
				setTimex(&call.Offset, within(500_000_000))
				setTimex(&call.Constant, rng.Int64N(4))
			case 4:
				call = unix.Timex{Modes: unix.ADJ_OFFSET_SINGLESHOT}
				setTimex(&call.Offset, within(100_000))
			}
			if _, err := unix.Adjtimex(&call); err != nil {
				t.Errorf("steer the clock: %v", err)
				return
			}
			pause := time.Duration(rng.IntN(3000)) * time.Microsecond
			if rng.IntN(20) == 0 {
				pause *= 100
			}
			select {
			case <-end:
				return
			case <-time.After(pause):
			}
		}
	})
	return func() {
		close(end)
		steering.Wait()
		_, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_OFFSET_SINGLESHOT}) // nothing is left of the last one
		require.NoError(t, err)
		restored := before
		restored.Modes = unix.ADJ_TICK | unix.ADJ_FREQUENCY | unix.ADJ_STATUS | unix.ADJ_TIMECONST | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR | unix.ADJ_OFFSET
		if before.Status&unix.STA_NANO != 0 {
			restored.Modes |= unix.ADJ_NANO
		} else {
			restored.Modes |= unix.ADJ_MICRO
		}
		_, err = unix.Adjtimex(&restored)
		require.NoError(t, err)
		StepRealtime(t, ahead-aheadOfRaw(t))
	}
}

const nominalTick = 10_000 // µs: 1/USER_HZ

// setTimex sets a field, whose width depends on the architecture.
func setTimex[T int32 | int64](field *T, to int64) { *field = T(to) }

// aheadOfRaw is by how much CLOCK_REALTIME is ahead of CLOCK_MONOTONIC_RAW.
func aheadOfRaw(t testing.TB) time.Duration {
	t.Helper()
	var raw, real unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &raw))
	require.NoError(t, unix.ClockGettime(unix.CLOCK_REALTIME, &real))
	return time.Duration(real.Nano() - raw.Nano())
}
