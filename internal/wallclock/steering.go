package wallclock

// How fast the kernel slews is known much better than by mostSlewed if it has been asked how it is
// steered (adjtimex(2)) before the first reading and after the last. The rate of its clock has four
// parts (kernel/time/ntp.c):
//
//   - The length of a tick, by ADJ_TICK: ±10 %. It is in force at once.
//   - The frequency, by ADJ_FREQUENCY or the phase-locked loop: ±500 ppm. By the loop it is in force
//     from the next timer interrupt on.
//   - What is slewed of an offset, by ADJ_OFFSET: ±12.5 % (ntp_offset_chunk).
//   - What is slewed of an offset, by adjtime(3): ±500 ppm.
//
// The last two change in second_overflow only. The kernel runs it once in each second of
// CLOCK_REALTIME, at the first timer interrupt, which may be late. For which second it has been run
// is the second that CLOCK_REALTIME_COARSE reads: both change together (kernel/time/timekeeping.c,
// accumulate_nsecs_to_secs).
//
// So let the tick and the frequency be the same before and after, and let the second that
// second_overflow had been run for before the first reading not be over after the last. Then the
// clock had one rate between them, but for a frequency that came into force late, the oscillator
// and the counter. That rate is the average between the two readings, whatever it is.
//
// What could be missed is somebody who sets the tick and sets it back, and the frequency, to just
// what they were, all between the two readings. As the rate is never taken to be lower than the tick
// says, that matters only if one of these calls falls between a stamp and the reading that it is told
// from, mostly less than 0.1 ms, and then by no more than what mostSlewed is of that time. It takes the
// right to set the clock, and no time daemon is known to do it: what they set follows from what they have measured,
// to 2⁻¹⁶ ppm, and chronyd, which alone slews by the tick, does so for a second at least (sys_generic.c,
// MIN_SLEW_TIMEOUT). Before Linux 6.13 a tick may be said to be set a moment before it is, as
// adjtimex was not one step then.

// Steering is how the kernel says that it is steered. The zero value says nothing.
type Steering struct {
	Tick      int64 // how far the clock goes in 1/100 s of the kernel's, in µs; 0: unknown
	Frequency int64 // what it goes beside that, in 2⁻¹⁶ ppm
	Begun     int64 // the second of CLOCK_REALTIME for which second_overflow has been run
	Read      int64 // the second of CLOCK_REALTIME afterwards
}

const (
	nominalTick = 10_000 // µs: 1/USER_HZ

	// frequencyRange is what the frequency can change by, ±500 ppm, with 2 ppm for the
	// multiplier's last digit (timekeeping_adjust, ntp_err_mult).
	frequencyRange = 1002e-6

	// mostAbove is what the rate can be above that of the tick while no offset is slewed: the
	// frequency and adjtime.
	mostAbove = 1002e-6
)

// oneRate reports whether the parts of the rate that are not small stayed what they were from one
// to the other.
func (s Steering) oneRate(until Steering) bool {
	return s.Tick != 0 && s.Tick == until.Tick && s.Frequency == until.Frequency && s.Begun == until.Read
}

// fastest returns the most that the wall clock can go forward while the counter goes forward by 1, between the readings.
func (b Bracket) fastest() float64 {
	_, most := b.rates()
	shortest := b.Last.Before - b.First.After
	if !b.First.Steering.oneRate(b.Last.Steering) || shortest <= 0 {
		return most
	}
	counter, host := b.DriftPPM/1e6, HostDriftPPM(b.DriftPPM)/1e6
	average := float64(b.Last.Slewed-b.First.Slewed+2*rounding) / float64(shortest)
	// No rate is below 1 − mostSlewed, so a change by frequencyRange is the largest part of that one.
	fastest := average * (1 + frequencyRange/(1-mostSlewed)) * (1 + host) / (1 - host) * (1 + counter) / (1 - counter)
	told := (float64(b.First.Steering.Tick)/nominalTick + mostAbove) * (1 + host) / (1 - counter)
	return min(most, max(fastest, told))
}
