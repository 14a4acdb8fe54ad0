//go:build linux && !amd64 && !arm64

package vdso

import "runtime"

// Open returns the way to read the kernel's clocks, which is the system call on this architecture.
func Open() *Clock {
	return &Clock{text: "by system call: there is no code for the vDSO of " + runtime.GOARCH}
}

// Now reads a clock, in nanoseconds since its zero.
func (c *Clock) Now(clock int32) (int64, error) { return systemCall(clock) }

// Uninterrupted returns c.
func (c *Clock) Uninterrupted() (*Clock, func()) { return c, func() {} }
