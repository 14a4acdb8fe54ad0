package monotonic

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/internal/localcounter"
)

// ErrNoCounter is wrapped by the errors of [System] and [Raw] on a system that has no counter on
// which a bound may rest.
var ErrNoCounter = errors.New("no unslewed counter on this system")

// System returns the fastest counter of this machine that no time daemon can slew.
//
// That is the processor's own counter (amd64: LFENCE+RDTSC, arm64: ISB+CNTVCT_EL0, about 20 ns a
// reading) if the kernel itself keeps time by it and, on amd64, CPUID calls it invariant. System
// then takes 5 ms to measure its rate.
//
// Otherwise it is the system's own unslewed counter: CLOCK_MONOTONIC_RAW on Linux and macOS,
// QueryPerformanceCounter on Windows. Linux on amd64 reads it through the vDSO, in about
// 30 ns where the kernel keeps time by kvm-clock, hyperv or the TSC. Elsewhere it takes a system
// call, 200 to 1500 ns.
//
// The counter is a [fmt.Stringer]: it says what is read and how, and why not a faster counter.
//
// The error wraps [ErrNoCounter]. Linux, too, returns it if the kernel's clocksource cannot be read
// from /sys: gVisor, for one, serves CLOCK_MONOTONIC, which can be slewed, under the name of
// CLOCK_MONOTONIC_RAW. If you know that yours does not, use [Raw].
func System() (Counter, error) { return systemCounter(localcounter.System()) }

// Raw returns the system's own unslewed counter, even if the processor's could be used. Where the
// kernel does not say what it keeps time by, the caller vouches that CLOCK_MONOTONIC_RAW is
// unslewed.
//
// The error wraps [ErrNoCounter].
func Raw() (Counter, error) { return systemCounter(localcounter.Raw()) }

// system gives the readings of this machine's counter their type. A clock finds the counter inside
// it.
type system struct{ *localcounter.Counter }

func (s system) Now() Instant { return Instant(s.Counter.Now()) }

func systemCounter(c *localcounter.Counter, err error) (Counter, error) {
	if err != nil {
		return nil, fmt.Errorf("monotonic: %w: %w", err, ErrNoCounter)
	}
	return system{c}, nil
}
