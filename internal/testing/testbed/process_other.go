//go:build !linux

package testbed

import "syscall"

// dieWithParent has nothing to offer outside Linux: a test process that is killed there leaves its
// daemons behind.
func dieWithParent() *syscall.SysProcAttr { return nil }

// exited cannot look without reaping outside Linux, so a daemon that dies early is noticed by its
// silence, at the limit of Start.
func (p *process) exited() bool { return false }
