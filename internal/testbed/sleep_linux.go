package testbed

import (
	"syscall"
	"time"
)

// sleepBriefly sleeps for at most a few milliseconds, in the kernel: time.Sleep may take a
// millisecond more than it is asked to.
func sleepBriefly(d time.Duration) {
	wait := syscall.NsecToTimespec(int64(d))
	// Interrupted by a signal it returns early, which the caller sees from the time.
	_ = syscall.Nanosleep(&wait, nil)
}
