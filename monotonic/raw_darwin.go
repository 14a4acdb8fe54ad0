package monotonic

import "golang.org/x/sys/unix"

// rawName is mach_continuous_time: it goes on while the machine sleeps, and no adjustment of the
// clock reaches it (clock_gettime(3) of macOS).
const rawName = "CLOCK_MONOTONIC_RAW"

func readRaw() (int64, error) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &ts)
	return ts.Nano(), err
}
