// Package alarm wakes one goroutine after a time, as [time.Timer] does, but sooner and for less.
//
// On Linux it is a timerfd. One of Go's own timers is found late, by up to a millisecond and 0.1 % of its length
// (runtime/netpoll_epoll.go, and fs/select.c, select_estimate_accuracy); until then the runtime's monitor, whose
// sleep ends in time (runtime/proc.go, sysmon), looks for it every 20 µs.
package alarm

import "time"

// Alarm fires once after it has been set. The time at which it does is a hint and proves nothing.
type Alarm interface {
	// Set makes it fire after d, and not at the time set before. It may be called while another goroutine
	// is in Wait, but by one at a time, and not after Close.
	Set(d time.Duration)

	// Wait returns true when it has fired, perhaps once too often, and false after Close. It is for one
	// goroutine at a time, and not before the first Set.
	Wait() bool

	Close()
}

// Soonest is the shortest time to give to a timer of Go's that is waited for in a select. One that is due already is
// fired by the select itself, and in Go 1.26 two goroutines of a synctest bubble that do so at once crash the race
// detector: they share its context for the bubble's timers (runtime/time.go, unlockAndRun).
const Soonest = time.Nanosecond

// goTimer is a timer of Go's runtime.
type goTimer struct {
	timer  *time.Timer
	closed chan struct{}
}

func newGoTimer() *goTimer {
	t := &goTimer{time.NewTimer(time.Hour), make(chan struct{})}
	t.timer.Stop()
	return t
}

func (t *goTimer) Set(d time.Duration) { t.timer.Reset(d) }

func (t *goTimer) Wait() bool {
	select {
	case <-t.timer.C:
		return true
	case <-t.closed:
		return false
	}
}

func (t *goTimer) Close() {
	t.timer.Stop()
	close(t.closed)
}
