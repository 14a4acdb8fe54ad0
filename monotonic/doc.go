// Package monotonic reads the local counter: a clock of this machine that nobody steers.
//
// An [Instant] is a reading of a [Counter] in nanoseconds. Its zero is arbitrary, usually the boot
// of the machine, so an Instant means nothing to another machine, and nothing after a restart. Only
// the difference of two readings of the same counter has a meaning: it is the true time that has
// elapsed, to within the drift ρ that the caller assumes for the oscillator.
//
//	counter, err := monotonic.System()
//	if err != nil {
//		return err // no counter of this system can carry a bound
//	}
//	start := counter.Now()
//	work()
//	elapsed := counter.Now().Sub(start)
//
// # Why not time.Now
//
// On Linux Go's monotonic clock is CLOCK_MONOTONIC, which a time daemon may slew: by 500 ppm
// through adjtimex(2) (MAXFREQ in the kernel's include/linux/timex.h), and by up to 100 000 ppm
// through the tick length, of which chronyd uses 83 333 ppm by default. A bound that assumes 200
// ppm and extrapolates over such a clock is wrong. [System] reads what no adjustment reaches: the
// processor's own counter if the kernel trusts it, and otherwise CLOCK_MONOTONIC_RAW.
//
// # What this does not promise
//
// A Counter says nothing about true time. It may stand still while the machine is suspended, jump
// when a virtual machine is restored from a snapshot, and change its rate when one is migrated. A
// truetime.Clock notices that, as far as it can be noticed from inside the machine.
package monotonic
