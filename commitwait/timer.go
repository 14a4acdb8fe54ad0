package commitwait

import "time"

// timer fires once after it has been set. The time at which it does is a hint and proves nothing.
type timer interface {
	// set makes the timer fire after d, and not at the time set before. It may be called while
	// another goroutine is in wait, but not after close.
	set(d time.Duration)

	// wait returns true when the timer has fired, perhaps once too often, and false after close.
	wait() bool

	close()
}

// goTimer is a timer of Go's runtime, which is about 1 ms coarse on Linux: the runtime's poller rounds
// shorter sleeps up (runtime/netpoll_epoll.go).
type goTimer struct {
	timer  *time.Timer
	closed chan struct{}
}

func newGoTimer() *goTimer {
	t := &goTimer{time.NewTimer(time.Hour), make(chan struct{})}
	t.timer.Stop()
	return t
}

func (t *goTimer) set(d time.Duration) { t.timer.Reset(d) }

func (t *goTimer) wait() bool {
	select {
	case <-t.timer.C:
		return true
	case <-t.closed:
		return false
	}
}

func (t *goTimer) close() {
	t.timer.Stop()
	close(t.closed)
}
