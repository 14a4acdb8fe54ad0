// Package monotonic reads the raw local counter: a clock that nobody steers. It reads it as fast as
// the hardware allows, and it knows when it cannot be trusted.
//
// An [Instant] is a reading of a [Counter] in nanoseconds. Its zero is arbitrary (usually the
// boot of the machine), so an Instant means nothing by itself and nothing to another machine or
// process start; only the difference of two readings of the same counter means something, and
// that only within the drift ρ which the caller assumes for the oscillator:
//
//	counter, err := monotonic.System()
//	if err != nil {
//		return err // this system has no counter that a bound may rest on
//	}
//	start := counter.Now()
//	work()
//	elapsed := counter.Now().Sub(start) // true time elapsed is within ±ρ of it
//
// # Why not time.Now
//
// Go's monotonic clock is the kernel's CLOCK_MONOTONIC on Linux. A time daemon may slew it: by
// 500 ppm through adjtimex(2) (MAXFREQ in the kernel's include/linux/timex.h), and by up to
// 100 000 ppm through the tick length, of which chronyd uses 83 333 ppm by default. A bound that
// declares 200 ppm and extrapolates over such a clock is wrong. [System] therefore reads what no
// adjustment reaches: the processor's own counter where the kernel trusts it, and otherwise
// CLOCK_MONOTONIC_RAW, which is the kernel's clocksource scaled to nanoseconds.
//
// # When it cannot be trusted
//
// A counter may stand still while the machine is suspended, jump when a virtual machine is restored
// from a snapshot, and change its rate when it is migrated. A [Watch] notices what can be noticed
// from inside, and says what it was.
//
// # What this does not promise
//
// A Counter says nothing about true time, and a Watch sees the past only: between a disruption and
// the next look a reading may be worthless.
package monotonic
