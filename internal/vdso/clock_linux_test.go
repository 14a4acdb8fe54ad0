package vdso

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// clocksOfThis are the ways to read that this machine has: the best one, that without a signal, and
// the system call.
func clocksOfThis(t testing.TB) map[string]*Clock {
	t.Helper()
	uninterrupted, end := Open().Uninterrupted()
	end()
	t.Log("the kernel's clocks are read ", Open())
	ways := map[string]*Clock{"best": Open(), "system call": nil}
	if uninterrupted.function == Open().function {
		ways["uninterrupted"] = uninterrupted
	}
	return ways
}

func TestReadingLiesBetweenTwoSystemCalls(t *testing.T) {
	for name, c := range clocksOfThis(t) {
		for _, clock := range []int32{unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME} {
			for range 1000 {
				before, err := systemCall(clock)
				require.NoError(t, err)
				now, err := c.Now(clock)
				require.NoError(t, err)
				after, err := systemCall(clock)
				require.NoError(t, err)
				require.LessOrEqual(t, before, now, name)
				require.LessOrEqual(t, now, after, name)
			}
		}
	}
}

func TestReadingUninterrupted(t *testing.T) {
	for range 100 {
		before, err := systemCall(unix.CLOCK_MONOTONIC_RAW)
		require.NoError(t, err)
		c, end := Open().Uninterrupted()
		now, err := c.Now(unix.CLOCK_MONOTONIC_RAW)
		end()
		require.NoError(t, err)
		after, err := systemCall(unix.CLOCK_MONOTONIC_RAW)
		require.NoError(t, err)
		require.LessOrEqual(t, before, now)
		require.LessOrEqual(t, now, after)
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	for name, c := range clocksOfThis(t) {
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Now(unix.CLOCK_MONOTONIC_RAW) }), name)
	}
}

func TestAClockThatDoesNotExistIsAnError(t *testing.T) {
	for name, c := range clocksOfThis(t) {
		_, err := c.Now(1 << 20)
		require.ErrorIs(t, err, unix.EINVAL, name)
	}
}

func TestStringOfNoClock(t *testing.T) {
	require.Equal(t, "by system call", (*Clock)(nil).String())
}

func BenchmarkNow(b *testing.B) {
	for name, c := range clocksOfThis(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = c.Now(unix.CLOCK_MONOTONIC_RAW)
			}
		})
	}
}
