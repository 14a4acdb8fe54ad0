// Package monotonic reads the raw local counter: a clock that nobody steers.
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
// declares 200 ppm and extrapolates over such a clock is wrong. [System] therefore reads
// CLOCK_MONOTONIC_RAW, which is the bare hardware counter scaled to nanoseconds and which
// no adjustment reaches.
//
// # What this does not promise
//
// A Counter says nothing about true time. CLOCK_MONOTONIC_RAW stands still while the machine is
// suspended, and a virtual machine that is migrated or restored from a snapshot may see it jump.
package monotonic
