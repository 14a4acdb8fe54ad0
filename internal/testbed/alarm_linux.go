package testbed

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// alarm is a timerfd(2), for one goroutine to wait on. That goes through the runtime's poller, which blocks
// nothing: a thread that slept in the kernel would take a processor away from the scheduler for
// milliseconds (runtime/proc.go, sysmon). And Go's own timers may be late by a millisecond.
type alarm struct {
	file *os.File
	conn syscall.RawConn
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	conn, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	return &alarm{file, conn}, nil
}

// set has the alarm go off in d, at the earliest in 1 ns, and at no other time.
func (a *alarm) set(d time.Duration) {
	when := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))} // 0 would switch it off
	// It fails only once the alarm is closed.
	_ = a.conn.Control(func(fd uintptr) { _ = unix.TimerfdSettime(int(fd), 0, &when, nil) })
}

// wait returns true when the alarm goes off, and false when it is closed. It may return too early.
func (a *alarm) wait() bool {
	var times [8]byte
	_, err := a.file.Read(times[:])
	return !errors.Is(err, os.ErrClosed)
}

func (a *alarm) close() { _ = a.file.Close() }
