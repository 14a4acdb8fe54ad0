//go:build unix

package main

import (
	"os"
	"syscall"
	"time"
)

// stopSelf stops this process where it stands, until somebody sends it SIGCONT. Another thread may
// take the signal, and this one run on for a moment: it sleeps through that.
func stopSelf() error {
	err := syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	time.Sleep(50 * time.Millisecond)
	return err
}

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
