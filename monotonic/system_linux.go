package monotonic

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// raw is CLOCK_MONOTONIC_RAW (clock_gettime(2)): the kernel's clocksource scaled to nanoseconds,
// without the corrections that adjtimex(2) applies to CLOCK_MONOTONIC and CLOCK_BOOTTIME.
type raw struct{}

func system() (Counter, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &ts); err != nil {
		return nil, fmt.Errorf("monotonic: reading CLOCK_MONOTONIC_RAW failed: %w (a seccomp filter may forbid it): %w", err, ErrNoCounter)
	}
	return raw{}, nil
}

// Now ignores the error of clock_gettime: after system has seen the call succeed it can fail only
// by a bad pointer, and a reading of 0 would be seen as a counter that went back.
func (raw) Now() Instant {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &ts)
	return Instant(ts.Nano())
}

func (raw) String() string { return "CLOCK_MONOTONIC_RAW" }
