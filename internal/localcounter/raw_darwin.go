package localcounter

import "golang.org/x/sys/unix"

// rawName is mach_continuous_time: it goes on while the machine sleeps, and no adjustment of the
// clock reaches it (clock_gettime(3) of macOS).
const rawName = "CLOCK_MONOTONIC_RAW"

type reference struct{}

func openReference() reference { return reference{} }

func (reference) read() (int64, error) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &ts)
	return ts.Nano(), err
}

func (r reference) uninterrupted() (reference, func()) { return r, func() {} }

func (reference) String() string { return rawName }
