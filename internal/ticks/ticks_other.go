//go:build !amd64 && !arm64

package ticks

// ClockSource is empty: no clocksource of the kernel is this counter.
const ClockSource = ""

// Name is empty.
const Name = ""

// Read is not to be called where Usable returns an error.
func Read() uint64 { return 0 }

// Usable returns ErrUnsupported.
func Usable() error { return ErrUnsupported }
