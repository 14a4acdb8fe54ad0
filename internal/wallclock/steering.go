package wallclock

// How fast the kernel slews is known much better than by mostSlewed if it has been asked how it is
// steered (adjtimex(2)) before the first reading and after the last. The rate of its clock has four
// parts (kernel/time/ntp.c):
//
//   - The length of a tick, by ADJ_TICK: ±10 %.
//   - The frequency, by ADJ_FREQUENCY or the phase-locked loop: ±500 ppm.
//   - What is slewed of an offset, by ADJ_OFFSET: ±12.5 % (ntp_offset_chunk).
//   - What is slewed of an offset, by adjtime(3): ±500 ppm.
//
// The last two change in second_overflow only. The kernel runs it once in each second of
// CLOCK_REALTIME, at the first timer interrupt, which may be late. For which second it has been run
// is the second that CLOCK_REALTIME_COARSE reads: both change together (kernel/time/timekeeping.c,
// accumulate_nsecs_to_secs).
//
// # What is in force
//
// What the kernel says need not be in force yet. Its multiplier is set by timekeeping_advance, which
// is run at each timer interrupt. Before Linux 6.17 adjtimex stored a tick or a frequency, let go of the lock, and
// ran it then: whoever called it may have been kept from going on in between. What the loop and
// ntp_clear change, which is run when the clock is set, waits for the next interrupt; and so does
// a second that the clock was carried into by rounding, after the multiplier had been set.
//
// So one look proves nothing. But let two looks find the same, in the same second, and let
// CLOCK_REALTIME_COARSE have moved in between. Only timekeeping_advance moves it, or setting the
// clock, for which there is the [Watch]. So timekeeping_advance has been run with what both looks
// have found, and that is in force.
//
// # One rate
//
// Let that be so before the first reading, let a look after the last find the same again, and let
// the second not be over by then. Then the clock had one rate between the readings, but for the
// oscillator and the counter. That rate is the average between them, whatever it is.
//
// A new clocksource has its nominal rate until the next timer interrupt, and moves
// CLOCK_REALTIME_COARSE as well. It runs ntp_clear, which sets the offset to 0, the status to unsynchronized
// and the maximum error to 16 s: all three are compared for that. If they were so before, nothing
// shows. But then no offset was being slewed either, if the loop is off, and where it is on such looks prove
// nothing. And the rate is never taken to be lower than the nominal one, or than that of the tick.
//
// # What could be missed
//
// That is somebody who sets the tick and sets it back, and all else that is compared, to just what they were,
// between one look and the next in one second. A stamp is then wrong by no more than what mostSlewed is of
// its distance. It takes the right to set the clock. What daemons set follows from what they have measured, to 2⁻¹⁶ ppm,
// and chronyd slews by the tick for a second at least (sys_generic.c, MIN_SLEW_TIMEOUT). Only a servo
// at its limit repeats itself: the tick would have to go from 9000 to 11000 and back within a second. A frequency
// that is set and set back, as by a servo whose limit is 500 ppm, is allowed for (frequencyRange).
//
// Two more take two processes at once, or a daemon that stops its own loop: a tick that is stored and not in force,
// before Linux 6.17, while another process is setting the clock, which moves CLOCK_REALTIME_COARSE; and a loop, or a
// pulse per second, that is switched off in the second whose offset is still being slewed, with nothing else to show.

// Steering is how the kernel says that it is steered, at one look. The zero value says nothing.
type Steering struct {
	Told
	Read int64 // the second of CLOCK_REALTIME

	// Not known of the last look, for which it does not matter.
	Begun  int64 // the second for which second_overflow has been run, afterwards
	Coarse int64 // CLOCK_REALTIME_COARSE, of that moment, in nanoseconds
	Since  int64 // what that was at the first of the looks, one after the other, that have found the same in this second
}

// Told is what adjtimex(2) tells of it.
type Told struct {
	Tick      int64 // how far the clock goes in 1/100 s of the kernel's, in µs; 0: unknown
	Frequency int64 // what it goes beside that, in 2⁻¹⁶ ppm

	// What ntp_clear changes. Otherwise second_overflow does, or a daemon's call.
	Offset, MaxError int64
	Status           int64 // STA_*
}

const (
	nominalTick = 10_000 // µs: 1/USER_HZ

	// frequencyRange is what the frequency can change by, ±500 ppm, with 2 ppm for the
	// multiplier's last digit (timekeeping_adjust, ntp_err_mult).
	frequencyRange = 1002e-6

	// mostAbove is what the rate can be above that of the tick while no offset is slewed: the
	// frequency and adjtime.
	mostAbove = 1002e-6

	// Of include/uapi/linux/timex.h: STA_PLL, STA_PPSTIME and STA_UNSYNC.
	loop           = 0x0001
	pulsePhase     = 0x0004
	unsynchronized = 0x0040

	largestMaxError = 16_000_000 // µs: NTP_PHASE_LIMIT, where it stays
)

// After returns the same with what an earlier look under the same [Watch] makes of it.
func (s Steering) After(earlier Steering) Steering {
	if s.Told == earlier.Told && s.Begun == earlier.Begun {
		s.Since = earlier.Since
	}
	return s
}

// inForce reports whether the kernel does what it says.
func (s Steering) inForce() bool { return s.Tick != 0 && s.Coarse != s.Since }

// oneRate reports whether the clock had one rate from after the one look until before the other.
func (s Steering) oneRate(until Steering) bool {
	return s.inForce() && s.Told == until.Told && s.Begun == until.Read && !s.mayHideAnOffset()
}

// mayProve reports whether looks like this one can show what is in force.
func (s Steering) mayProve() bool { return s.Tick != 0 && !s.mayHideAnOffset() && !s.byPulse() }

// mayHideAnOffset reports whether the kernel may be slewing an offset that it does not tell, because another one, of 0,
// has replaced it since the second began, or ntp_clear has.
func (t Told) mayHideAnOffset() bool {
	const stopped = loop | unsynchronized
	return t.Offset == 0 && t.Status&stopped == stopped && t.MaxError >= largestMaxError
}

// byPulse reports whether the kernel steers by a pulse per second, for which mostSlewed is no bound.
func (s Steering) byPulse() bool { return s.Status&pulsePhase != 0 }

// Sharp reports whether it is known how fast the clock was between the readings, and not only how fast a kernel can make it.
func (b Bracket) Sharp() bool {
	return b.First.Steering.oneRate(b.Last.Steering) && b.Last.Before > b.First.After
}

// fastest returns the most that the wall clock can go forward while the counter goes forward by 1, between the readings.
func (b Bracket) fastest() float64 {
	_, most := b.rates()
	shortest := b.Last.Before - b.First.After
	if !b.Sharp() {
		return most
	}
	counter, host := b.DriftPPM/1e6, HostDriftPPM(b.DriftPPM)/1e6
	average := float64(b.Last.Slewed-b.First.Slewed+2*rounding) / float64(shortest)
	// Of a rate below the nominal one frequencyRange is a larger part, but then told is more than that.
	fastest := average * (1 + frequencyRange) * (1 + host) / (1 - host) * (1 + counter) / (1 - counter)
	told := (float64(max(b.First.Steering.Tick, nominalTick))/nominalTick + mostAbove) * (1 + host) / (1 - counter)
	return min(most, max(fastest, told))
}
