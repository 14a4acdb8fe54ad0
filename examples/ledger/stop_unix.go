//go:build unix

package main

import (
	"os"
	"syscall"
)

// stopSelf stops this process where it stands, until somebody sends it SIGCONT.
func stopSelf() error { return syscall.Kill(os.Getpid(), syscall.SIGSTOP) }

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
