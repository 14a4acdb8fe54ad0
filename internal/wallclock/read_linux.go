package wallclock

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// Read reads the system's clocks between two readings of the counter, at the cost of two system
// calls. It does not ask how the kernel is steered.
func Read(counter monotonic.Counter) (Reading, error) {
	var r Reading
	r.Before = counter.Now()
	err := readClocks(unix.CLOCK_REALTIME, &r.Wall, unix.CLOCK_MONOTONIC, &r.Slewed)
	r.After = counter.Now()
	return r, err
}

// ReadFirst is Read for the first reading of a [Bracket], at the cost of four system calls.
func ReadFirst(counter monotonic.Counter) (Reading, error) {
	before := readSteering()
	r, err := Read(counter)
	r.Steering = before
	return r, err
}

// ReadLast is Read for the last reading of a [Bracket], at the cost of four system calls.
func ReadLast(counter monotonic.Counter) (Reading, error) {
	r := Reading{WallLast: true}
	r.Before = counter.Now()
	err := readClocks(unix.CLOCK_MONOTONIC, &r.Slewed, unix.CLOCK_REALTIME, &r.Wall)
	r.After = counter.Now()
	r.Steering = readSteering()
	return r, err
}

func readClocks(first uintptr, atFirst *int64, second uintptr, atSecond *int64) error {
	var one, other unix.Timespec
	if err := readClock(first, &one); err != nil {
		return err
	}
	if err := readClock(second, &other); err != nil {
		return err
	}
	*atFirst, *atSecond = one.Nano(), other.Nano()
	return nil
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
