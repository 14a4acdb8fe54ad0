//go:build !linux

package alarm

// Open returns a timer of Go's. On Windows, 10 of 2018 and later, the runtime waits by high-resolution timers
// (CreateWaitableTimerExW, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION), which are fine to 0.5 ms (release notes of Go 1.23). A timer
// of our own would be no finer, and block a thread.
func Open(bool) Alarm { return newGoTimer() }
