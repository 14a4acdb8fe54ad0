//go:build linux

package machine

import (
	"fmt"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// WithoutTime has the host run nothing of the machine for a while. Its counters go on.
func (m *Machine) WithoutTime(length time.Duration) {
	m.t.Helper()
	if err := m.process.Process.Signal(syscall.SIGSTOP); err != nil {
		m.fatal("stop qemu: %v", err)
	}
	time.Sleep(length)
	if err := m.process.Process.Signal(syscall.SIGCONT); err != nil {
		m.fatal("let qemu go on: %v", err)
	}
}

// WithoutCPU has the host not run one of the machine's CPUs for a while. It takes a ThreadPerCPU.
func (m *Machine) WithoutCPU(index int, length time.Duration) {
	m.t.Helper()
	var threads []struct {
		Index  int `json:"cpu-index"`
		Thread int `json:"thread-id"`
	}
	m.command("query-cpus-fast", nil, &threads)
	for _, cpu := range threads {
		if cpu.Index == index {
			if err := stopThread(cpu.Thread, length); err != nil {
				m.fatal("take the time of CPU %d: %v", index, err)
			}
			return
		}
	}
	m.fatal("the machine has no CPU %d: %+v", index, threads)
}

// stopThread stops one thread of another process and no more: a signal would stop them all, but who
// traces a thread may (ptrace(2), PTRACE_INTERRUPT).
func stopThread(thread int, length time.Duration) error {
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	if err := unix.PtraceSeize(thread); err != nil {
		return fmt.Errorf("trace thread %d: %w", thread, err)
	}
	if err := unix.PtraceInterrupt(thread); err != nil {
		return fmt.Errorf("stop thread %d: %w", thread, err)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(thread, &status, unix.WALL, nil); err != nil {
		return fmt.Errorf("wait for thread %d to stop: %w", thread, err)
	}
	time.Sleep(length)
	if err := unix.PtraceDetach(thread); err != nil {
		return fmt.Errorf("let thread %d go on: %w", thread, err)
	}
	return nil
}
