package localcounter

import (
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/vdso"
)

// rawName is the kernel's clocksource scaled to nanoseconds, without the corrections that
// adjtimex(2) applies to CLOCK_MONOTONIC and CLOCK_BOOTTIME (kernel/time/timekeeping.c,
// timekeeping_get_ns over tkr_raw).
const rawName = "CLOCK_MONOTONIC_RAW"

// reference reads by system call if it is the zero value.
type reference struct{ clock *vdso.Clock }

func openReference() reference { return reference{vdso.Open()} }

func (r reference) read() (int64, error) { return r.clock.Now(unix.CLOCK_MONOTONIC_RAW) }

func (r reference) uninterrupted() (reference, func()) {
	clock, end := r.clock.Uninterrupted()
	return reference{clock}, end
}

func (r reference) String() string { return rawName + ", read " + r.clock.String() }
