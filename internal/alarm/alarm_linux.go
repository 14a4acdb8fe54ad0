package alarm

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fdTimer is a timerfd (timerfd_create(2)). Waiting for it parks the goroutine in Go's poller and blocks no
// thread, and the kernel fires it within tens of microseconds, where Go's own timers take 1 ms.
//
// It is never read. When it fires the poller is told, whether or not it has been read before: the poller
// asks for edges (epoll(7)), and each expiration is one. And read(2), as Go makes the call, wakes the
// runtime's monitor if the process was idle, which is another thread and as much processor time again;
// the calls for timers are not made so, because they never block.
type fdTimer struct {
	file   *os.File
	conn   syscall.RawConn
	when   unix.ItimerSpec
	left   unix.ItimerSpec
	closed atomic.Bool

	// Made once, because a closure would be allocated every time.
	settle func(fd uintptr)      // sets when
	fired  func(fd uintptr) bool // nothing is left of it
}

// Open returns a timerfd, or Go's timer where that would do harm or no good: if it cannot be had, if
// the caller is sparing and half of the descriptors that the process may have are in use, or in
// a bubble of testing/synctest, whose time stands still while a goroutine reads a file.
func Open(sparing bool) Alarm {
	if inBubble() {
		return newGoTimer()
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return newGoTimer()
	}
	// The kernel gives out the lowest number that is free, so the number tells how many are not.
	if sparing && !withinHalf(fd) {
		unix.Close(fd)
		return newGoTimer()
	}
	return onTimerfd(fd)
}

// onTimerfd takes over the descriptor. It returns Go's timer where the runtime's poller does not take it, as when
// the user may watch no more files (epoll(7), max_user_watches).
func onTimerfd(fd int) Alarm {
	t := &fdTimer{file: os.NewFile(uintptr(fd), "timerfd")}
	var err error
	if t.conn, err = t.file.SyscallConn(); err != nil || t.file.SetReadDeadline(time.Time{}) != nil {
		t.file.Close()
		return newGoTimer()
	}
	t.settle = func(fd uintptr) {
		// It cannot fail: the descriptor is a timerfd as long as conn has it, when is in range, and it
		// has been tried.
		_ = unix.TimerfdSettime(int(fd), 0, &t.when, nil)
	}
	t.fired = func(fd uintptr) bool {
		_ = unix.TimerfdGettime(int(fd), &t.left) // nor this
		return t.left.Value == unix.Timespec{}
	}
	if !t.works() {
		t.file.Close()
		return newGoTimer()
	}
	return t
}

// works tries what nobody looks at later whether it failed. A sandbox may allow timerfd_create alone.
func (t *fdTimer) works() bool {
	fails := error(nil)
	err := t.conn.Control(func(fd uintptr) {
		var never unix.ItimerSpec
		if fails = unix.TimerfdSettime(int(fd), 0, &never, nil); fails == nil {
			fails = unix.TimerfdGettime(int(fd), &never)
		}
	})
	return err == nil && fails == nil
}

// inBubble reports whether Go's clock is not the kernel's.
func inBubble() bool {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &now); err != nil {
		return false
	}
	// In a bubble it is the year 2000. Nothing else sets the two apart, but the wall clock may be set
	// between the two readings.
	return time.Until(time.Unix(now.Unix())).Abs() > 365*24*time.Hour
}

func withinHalf(fd int) bool {
	var limit unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && uint64(fd) < limit.Cur/2
}

func (t *fdTimer) Set(d time.Duration) {
	t.when.Value = unix.NsecToTimespec(int64(max(d, 1))) // 0 would switch it off
	_ = t.conn.Control(t.settle)
}

func (t *fdTimer) Wait() bool {
	// The poller forgets what it was told before it asks for the first time whether the timer has fired, so
	// that an expiration is seen by one or the other.
	err := t.conn.Read(t.fired)
	if t.closed.Load() {
		return false
	}
	if err != nil {
		// The runtime's poller broke. Late is better than never.
		time.Sleep(time.Millisecond)
	}
	return true
}

func (t *fdTimer) Close() {
	t.closed.Store(true)
	t.file.Close()
}
