package wallclock

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// The kernel stamps packets, and readings of devices, by CLOCK_REALTIME, which anybody may set and a
// time daemon slews. A stamp says something about our counter only if both clocks were read before it
// and after it.
//
// Slewing. Let x be the counter when a stamp was made, and x₂ when the wall clock was read afterwards.
// If nobody has set the wall clock in between, it went forward from the stamp to that reading by at
// most fastest · (x₂ − x), however it was slewed. How fast that can be is in steering.go. So
//
//	x ≤ x₂ − (wall − stamp) / fastest
//
// and from the first reading, in the same way, x ≥ x₁ + (stamp − wall) / fastest. A wall clock that
// runs slow only makes the first bound larger and the second smaller: wider, never wrong. Both are
// only used to narrow what the program has seen for itself.
//
// Setting. Nothing but setting moves CLOCK_REALTIME against CLOCK_MONOTONIC: slewing moves both alike
// (kernel/time/timekeeping.c, tk_set_wall_to_mono). A Reading has both, so a single step of any size,
// including that of a leap second, shows as a change of their difference. A step that is too small to
// show, because the two are not read at once, is subtracted from the stamp's distance, since only a
// step forward makes a distance too large. How large it can be depends on the order: let w₁ be read
// before m₁ in the first reading, and w₂ after m₂ in the last. Then the clock that nobody sets went
// forward from w₁ to w₂ by m₂ − m₁ at least, and a step by no more than (w₂ − w₁) − (m₂ − m₁). With
// the other order in a reading it can be larger by what passed between the two, which is no more than the reading's width.
//
// That leaves steps that undo each other between the two readings, as when somebody strobes the
// clock. Setting the clock is not complete before timerfd_clock_was_set has told every timer that
// asked for it. So [Watch.WasSet] notices every step but one that is still being made, and that one
// shows in the difference. What could be missed are two processes that set the clock in opposite directions, by the same
// amount to within a reading's width, the second before the first one's call is complete: then it tells nobody. A leap
// second, which the kernel tells a moment later, counts as one of them.

// Reading is a reading of the system's clocks between two of the counter. Both are read by system
// call: what the vDSO reads is updated at other moments than what packets are stamped by.
type Reading struct {
	Before, After monotonic.Instant
	Wall          int64 // CLOCK_REALTIME, in nanoseconds
	Slewed        int64 // CLOCK_MONOTONIC, read after it unless WallLast
	WallLast      bool  // read in the other order, which is the better one for the last of a Bracket

	// Steering is from before all that in the first reading of a Bracket, and from after it in the
	// last. Without it the kernel may have slewed as much as it can.
	Steering Steering
}

// Bracket is the Reading before whatever was stamped and the one after it.
type Bracket struct {
	First, Last Reading
	DriftPPM    float64 // by how much the counter may be fast or slow, at most 100 000
}

// mostSlewed is by how much CLOCK_REALTIME may run faster, or slower, than the clock of the kernel
// that nobody slews: the tick length may be set 10 % long and the frequency 500 ppm high, the
// phase-locked loop adds up to 1/4 of an offset of up to 0.5 s in each second, and adjtime 500 ppm
// (kernel/time/ntp.c, ntp_update_offset and second_overflow).
//
// Two kernels are assumed not to be there. One that itself follows a pulse per second (STA_PPSTIME,
// of CONFIG_NTP_PPS) slews all of an offset in one second, which is up to 50 %. It is noticed where it
// is asked how it is steered: see Steering. The other was booted with a large ntp_tick_adj, of which
// adjtimex says nothing.
const mostSlewed = 0.226

// leastHostDriftPPM is what is assumed at least of the kernel's clock when nobody slews it. A time
// daemon can correct no more than half of that.
const leastHostDriftPPM = 1000

// HostDriftPPM returns by how much the kernel's clock may be fast or slow, when nobody slews it,
// where the counter may be that much. Mostly the two count the same oscillator. Where they do not,
// only that of the counter is declared.
func HostDriftPPM(counter float64) float64 { return max(counter, leastHostDriftPPM) }

// rates returns the least and the most that the wall clock can go forward while the counter goes
// forward by 1.
func (b Bracket) rates() (slowest, fastest float64) {
	counter, host := b.DriftPPM/1e6, HostDriftPPM(b.DriftPPM)/1e6
	return (1 - mostSlewed) * (1 - host) / (1 + counter), (1 + mostSlewed) * (1 + host) / (1 - counter)
}

// inexact is more than what a few operations on floating-point numbers can lose.
const inexact = 1e-12

// rounding is what the difference of two readings in whole nanoseconds may be too large by.
const rounding = 1

// Stepped returns the most by which the wall clock can have been set forward between the readings,
// and false if they are of no use: it has been set, it is slewed by a pulse per second, or it and
// the counter do not go together.
func (b Bracket) Stepped() (most int64, ok bool) {
	first, last := b.First.After.Sub(b.First.Before), b.Last.After.Sub(b.Last.Before)
	if first < 0 || last < 0 || b.Last.Before < b.First.After {
		return 0, false
	}
	if b.First.Steering.byPulse() || b.Last.Steering.byPulse() {
		return 0, false
	}
	// Beyond these the counter is not what it should be.
	slowest, fastest := b.rates()
	slewed := b.Last.Slewed - b.First.Slewed
	longest, shortest := float64(b.Last.After-b.First.Before), float64(b.Last.Before-b.First.After)
	if float64(slewed+2*rounding) < shortest*slowest || float64(slewed-2*rounding) > longest*fastest {
		return 0, false
	}
	// The two clocks of a Reading were read at most its width apart.
	apart := func(width time.Duration) int64 { return int64(float64(width)*fastest) + rounding }
	blur := apart(first) + apart(last) + 4*rounding
	moved := b.Last.Wall - b.First.Wall - slewed
	if moved > blur || moved < -blur {
		return 0, false
	}
	most = moved + 2*rounding
	if b.First.WallLast {
		most += apart(first)
	}
	if !b.Last.WallLast {
		most += apart(last)
	}
	return max(most, 0), true
}

// NotBefore returns a reading that the counter had reached when the stamp was made, and false if
// nothing can be said.
func (b Bracket) NotBefore(stamp int64) (monotonic.Instant, bool) {
	d, ok := b.distance(stamp, b.First.Wall)
	return b.First.Before + d, ok
}

// NotAfter returns a reading that the counter had not passed when the stamp was made, and false if
// nothing can be said.
func (b Bracket) NotAfter(stamp int64) (monotonic.Instant, bool) {
	d, ok := b.distance(b.Last.Wall, stamp)
	return b.Last.After - d, ok
}

// distance is the least that the counter advanced while the wall clock went from one reading to
// another within the bracket.
func (b Bracket) distance(to, from int64) (monotonic.Instant, bool) {
	step, ok := b.Stepped()
	if !ok || from < b.First.Wall || to > b.Last.Wall || to < from {
		return 0, false
	}
	advanced := to - from - rounding - step
	return monotonic.Instant(float64(max(advanced, 0)) / b.fastest() * (1 - inexact)), true
}
