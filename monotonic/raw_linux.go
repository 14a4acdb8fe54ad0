package monotonic

import "golang.org/x/sys/unix"

// rawName is the kernel's clocksource scaled to nanoseconds, without the corrections that
// adjtimex(2) applies to CLOCK_MONOTONIC and CLOCK_BOOTTIME (kernel/time/timekeeping.c,
// timekeeping_get_ns over tkr_raw).
const rawName = "CLOCK_MONOTONIC_RAW"

func readRaw() (int64, error) { return readClock(unix.CLOCK_MONOTONIC_RAW) }

func readClock(id int32) (int64, error) {
	var ts unix.Timespec
	err := unix.ClockGettime(id, &ts)
	return ts.Nano(), err
}
