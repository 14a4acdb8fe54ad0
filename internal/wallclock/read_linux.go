package wallclock

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// Read reads the system's clocks between two readings of the counter, at the cost of two system
// calls.
func Read(counter monotonic.Counter) (Reading, error) {
	var wall, slewed unix.Timespec
	before := counter.Now()
	err := readClock(unix.CLOCK_REALTIME, &wall)
	if err == nil {
		err = readClock(unix.CLOCK_MONOTONIC, &slewed)
	}
	after := counter.Now()
	return Reading{before, after, wall.Nano(), slewed.Nano()}, err
}

// readClock is unix.ClockGettime without a word to the scheduler: the call never waits, and on an
// idle machine that word wakes a thread of the runtime.
func readClock(clock uintptr, t *unix.Timespec) error {
	_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(t)), 0)
	if errno != 0 {
		return os.NewSyscallError("clock_gettime", errno)
	}
	return nil
}
