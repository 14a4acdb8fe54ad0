package ntpsrc

import "github.com/epsilontime/epsilon/monotonic"

// The kernel stamps packets by CLOCK_REALTIME, which anybody may set and a time daemon slews. A
// stamp says something about our counter only by way of two looks at both, one before the request
// was sent and one after the reply was received.
//
// Slewing. Let x be the counter when a stamp was made, and x₂ when the wall clock was read at the
// last look. If nobody has set the wall clock between, it went forward from the stamp to that
// reading by at most fastestWall · (x₂ − x), however it was slewed meanwhile. So
//
//	x ≤ x₂ − (wall − stamp) / fastestWall
//
// and from the first look, in the same way, x ≥ x₁ + (stamp − wall) / fastestWall. A wall clock that
// runs slow only makes the first larger and the second smaller: wider, never wrong. Neither is ever
// used but to narrow what the program has seen for itself.
//
// Setting. CLOCK_REALTIME − CLOCK_MONOTONIC is moved by nothing else: slewing moves both alike
// (kernel/time/timekeeping.c, tk_set_wall_to_mono). A look reads the two, so that a single step of
// any size, including that of a leap second, shows as a change of the difference between the looks.
// What is too small to show for the width of the looks is taken off the stamp's distance, since only
// a step forward makes a distance too large.
//
// That leaves steps that undo each other between the looks, as when somebody strobes the clock. Who
// sets the clock is not done before timerfd_clock_was_set has told every timer that asked for it, so
// that with one of them in the making all but the last are noticed by [stamper.wasSet], and the last
// shows. What could be missed are two processes that set the clock at the same moment, opposite
// ways, by the same amount to within a look's width, both caught in that system call from before the
// reply is read until after the last look.
//
// # Transmit stamps
//
// A software transmit stamp (SOF_TIMESTAMPING_TX_SOFTWARE) is not used. It is made by the device's
// driver, which should do so before it hands the packet over (Documentation/networking/
// timestamping.rst, 1.3.1), but nothing makes it, and one made after the packet has left would be
// later than the truth. What is used is the stamp of the packet scheduler
// (SOF_TIMESTAMPING_TX_SCHED): the kernel itself makes it in __dev_queue_xmit (net/core/dev.c),
// before any queue or driver has seen the packet, loopback included. Where a packet passes several
// devices there are several of them, and the first counts.
//
// # Receive stamps
//
// They are made when the kernel gets the packet from the device, or, if stamping has been switched
// on too late for that, when it is read (net/socket.c, __sock_recv_timestamp): never before it
// arrived.

// wallLook is a reading of the system's clocks between two of the counter. Both are read by system
// call: what the vDSO reads is updated at other moments than what packets are stamped by.
type wallLook struct {
	before, after monotonic.Instant
	wall          int64 // CLOCK_REALTIME, in nanoseconds
	slewed        int64 // CLOCK_MONOTONIC, read after it
}

// wallBracket is the look before the request was sent and the one after the reply was received.
type wallBracket struct{ first, last wallLook }

// fastestWall is 5/4: the most that CLOCK_REALTIME can go forward while the counter goes forward by
// 1. The tick length may be set 10 % long and the frequency 500 ppm high, the phase-locked loop adds
// up to 1/4 of an offset of up to 0.5 s in each second, and adjtime 500 ppm: 22.6 % in all
// (kernel/time/ntp.c, ntp_update_offset and second_overflow). The counter's own drift is far below
// what is left.
const fastestNumerator, fastestDenominator = 5, 4

// slowestWall is 3/4, for the same reasons: a sign that the counter is not what it should be.
const slowestNumerator, slowestDenominator = 3, 4

// rounding is what the difference of two readings in whole nanoseconds may be too large by.
const rounding = 1

// stepped returns the most by which the wall clock can have been set forward between the looks, and
// false if the looks are of no use: it has been set, or it and the counter do not go together.
func (b wallBracket) stepped() (most int64, ok bool) {
	first, last := b.first.after.Sub(b.first.before), b.last.after.Sub(b.last.before)
	if first < 0 || last < 0 || b.last.before < b.first.after {
		return 0, false
	}
	slewed := b.last.slewed - b.first.slewed
	longest, shortest := int64(b.last.after-b.first.before), int64(b.last.before-b.first.after)
	if slewed < shortest/slowestDenominator*slowestNumerator-rounding || slewed-rounding > longest/fastestDenominator*fastestNumerator+fastestNumerator {
		return 0, false
	}
	// The two clocks of a look were read at most its width apart.
	blur := (int64(first)+int64(last))*fastestNumerator/fastestDenominator + 4*rounding
	moved := b.last.wall - b.first.wall - slewed
	if moved > blur || moved < -blur {
		return 0, false
	}
	return moved + blur, true
}

// notBefore returns a reading that the counter had reached when the stamp was made, and false if
// nothing can be said.
func (b wallBracket) notBefore(stamp int64) (monotonic.Instant, bool) {
	d, ok := b.distance(stamp, b.first.wall)
	return b.first.before + d, ok
}

// notAfter returns a reading that the counter had not passed when the stamp was made, and false if
// nothing can be said.
func (b wallBracket) notAfter(stamp int64) (monotonic.Instant, bool) {
	d, ok := b.distance(b.last.wall, stamp)
	return b.last.after - d, ok
}

// distance is the least that the counter advanced while the wall clock went from one reading to
// another within the bracket.
func (b wallBracket) distance(to, from int64) (monotonic.Instant, bool) {
	step, ok := b.stepped()
	if !ok || from < b.first.wall || to > b.last.wall || to < from {
		return 0, false
	}
	advanced := to - from - rounding - step
	return monotonic.Instant(max(advanced, 0) / fastestNumerator * fastestDenominator), true
}
