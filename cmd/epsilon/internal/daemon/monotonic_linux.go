package daemon

import "golang.org/x/sys/unix"

// monotonicMicroseconds is what systemd tells a reload by (sd_notify(3), MONOTONIC_USEC).
func monotonicMicroseconds() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return t.Nano() / 1000
}
