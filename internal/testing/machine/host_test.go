//go:build linux

package machine

import "golang.org/x/sys/unix"

// realtimeLessMonotonic is what changes when the host's clock is set, and hardly otherwise: both are
// slewed alike.
func realtimeLessMonotonic() int64 {
	var realtime, monotonic unix.Timespec
	// clock_gettime(2) fails for an unknown clock or a bad pointer only, and these are neither.
	_ = unix.ClockGettime(unix.CLOCK_REALTIME, &realtime)
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic)
	return realtime.Nano() - monotonic.Nano()
}
