package wallclock

import (
	"fmt"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readSteering asks the kernel how its clock is steered. It returns the zero value where that is forbidden, and
// for kernels older than Linux 4.19, which put a new tick into force by and by
// (kernel/time/timekeeping.c, timekeeping_adjust).
func readSteering() Steering {
	if !steersAtOnce() {
		return Steering{}
	}
	var begun unix.Timespec
	if readClock(unix.CLOCK_REALTIME_COARSE, &begun) != nil {
		return Steering{}
	}
	var t unix.Timex // it sets nothing: Modes is 0
	// It never waits: see readClock for why it is raw.
	if _, _, errno := unix.RawSyscall(unix.SYS_ADJTIMEX, uintptr(unsafe.Pointer(&t)), 0, 0); errno != 0 {
		return Steering{}
	}
	return Steering{Tick: int64(t.Tick), Frequency: int64(t.Freq), Begun: begunBy(begun.Nano()), Read: int64(t.Time.Sec)}
}

// begunBy returns the second for which second_overflow has been run and is in force, by a reading of
// CLOCK_REALTIME_COARSE. Rounding may take the clock over the end of a second, by a few nanoseconds, after the
// multiplier has been set: what second_overflow has changed is in force from the next timer interrupt on
// then (kernel/time/timekeeping.c, the last lines of __timekeeping_advance).
func begunBy(coarse int64) int64 {
	const rounded = 1000 // ns
	return (coarse - rounded) / int64(time.Second)
}

var steersAtOnce = sync.OnceValue(func() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	return releasedSince419(unix.ByteSliceToString(u.Release[:]))
})

// releasedSince419 reads a release such as 6.18.44-generic.
func releasedSince419(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return false
	}
	return major > 4 || major == 4 && minor >= 19
}
