package wallclock

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// Read reads the system's clocks between two readings of the counter, at the cost of two system
// calls.
func Read(counter monotonic.Counter) (Reading, error) {
	var wall, slewed unix.Timespec
	before := counter.Now()
	err := unix.ClockGettime(unix.CLOCK_REALTIME, &wall)
	if err == nil {
		err = unix.ClockGettime(unix.CLOCK_MONOTONIC, &slewed)
	}
	after := counter.Now()
	return Reading{before, after, wall.Nano(), slewed.Nano()}, os.NewSyscallError("clock_gettime", err)
}
