package wallclock

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/monotonic"
)

// Read reads the system's clocks between two readings of the counter, at the cost of two system
// calls. It does not ask how the kernel is steered.
func Read(counter monotonic.Counter) (Reading, error) { return read(linux{}, counter) }

// ReadWallLast is Read in the other order, which is the better one for the last reading of a [Bracket].
func ReadWallLast(counter monotonic.Counter) (Reading, error) { return readWallLast(linux{}, counter) }

// ReadFirst is Read for the first reading of a [Bracket], at the cost of four system calls. What its
// Steering is worth depends on an earlier one: see [Steering.After]. It is none if the counter is not one of this machine's own: another may
// show whole ticks of hundreds of nanoseconds where the kernel's clock does not, which is more than a bracket of known steering allows for.
func ReadFirst(counter monotonic.Counter) (Reading, error) {
	if localcounter.Of(counter) == nil {
		return read(linux{}, counter)
	}
	return readFirst(linux{}, counter)
}

// ReadLast is ReadWallLast for the last reading of a [Bracket], at the cost of three system calls.
func ReadLast(counter monotonic.Counter) (Reading, error) { return readLast(linux{}, counter) }

// AskLast adds to a reading of [ReadWallLast] what [ReadLast] asks after it, for whoever has something to do in between.
func (r *Reading) AskLast() { r.Steering = readLastSteering(linux{}) }

// kernel is what of Linux is asked.
type kernel interface {
	clock(id uintptr) (unix.Timespec, error)
	steered() (unix.Timex, error)
}

func read(k kernel, counter monotonic.Counter) (Reading, error) {
	var r Reading
	r.Before = counter.Now()
	err := readClocks(k, unix.CLOCK_REALTIME, &r.Wall, unix.CLOCK_MONOTONIC, &r.Slewed)
	r.After = counter.Now()
	return r, err
}

func readWallLast(k kernel, counter monotonic.Counter) (Reading, error) {
	r := Reading{WallLast: true}
	r.Before = counter.Now()
	err := readClocks(k, unix.CLOCK_MONOTONIC, &r.Slewed, unix.CLOCK_REALTIME, &r.Wall)
	r.After = counter.Now()
	return r, err
}

func readFirst(k kernel, counter monotonic.Counter) (Reading, error) {
	before := readSteering(k)
	r, err := read(k, counter)
	r.Steering = before
	return r, err
}

func readLast(k kernel, counter monotonic.Counter) (Reading, error) {
	r, err := readWallLast(k, counter)
	r.Steering = readLastSteering(k)
	return r, err
}

func readClocks(k kernel, first uintptr, atFirst *int64, second uintptr, atSecond *int64) error {
	one, err := k.clock(first)
	if err != nil {
		return err
	}
	other, err := k.clock(second)
	if err != nil {
		return err
	}
	*atFirst, *atSecond = one.Nano(), other.Nano()
	return nil
}

// linux asks without a word to the scheduler: the calls never wait, and on an idle machine that word
// wakes a thread of the runtime.
type linux struct{}

func (linux) clock(id uintptr) (t unix.Timespec, err error) {
	_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		return t, os.NewSyscallError("clock_gettime", errno)
	}
	return t, nil
}

func (linux) steered() (t unix.Timex, err error) { // it sets nothing: Modes is 0
	_, _, errno := unix.RawSyscall(unix.SYS_ADJTIMEX, uintptr(unsafe.Pointer(&t)), 0, 0)
	if errno != 0 {
		return t, errno // a bare number: where it is forbidden, it is so at each poll
	}
	return t, nil
}
