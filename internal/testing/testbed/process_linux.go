package testbed

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent has the kernel kill the daemon when the test process dies without running its
// cleanups: a test timeout, a crash, an interrupt.
//
// The kernel takes the thread that forked for the parent (prctl(2), PR_SET_PDEATHSIG), and Go ends
// a thread when a goroutine returns that is still locked to it. A test that locks a goroutine to
// its thread must therefore unlock it, or it may take a daemon with it; Stop reports a daemon that
// died by itself.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// exited reports whether the process has ended by itself. It leaves the process to be reaped by
// stop, so that its id stays its own.
func (p *process) exited() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.pid(), &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo == int32(unix.SIGCHLD)
}
