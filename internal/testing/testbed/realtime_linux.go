package testbed

import "golang.org/x/sys/unix"

// Realtime returns CLOCK_REALTIME in nanoseconds since the Unix epoch, by clock_gettime(2). It is
// the truth in these tests, because it is the clock that an honest daemon serves.
//
// It is not time.Now, whose clock is a pretended one inside a testing/synctest bubble.
func Realtime() int64 {
	var now unix.Timespec
	// clock_gettime(2) fails for an unknown clock or a bad pointer only, and this is neither.
	_ = unix.ClockGettime(unix.CLOCK_REALTIME, &now)
	return now.Nano()
}
