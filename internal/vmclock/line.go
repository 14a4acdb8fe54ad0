package vmclock

import (
	"math"
	"math/bits"
	"time"
)

// The page is a line through one point, with an error for the point and one for the slope (UAPI.13,
// "Calculating time" and "Time error calculation"; vmclock_get_crosststamp in Linux
// drivers/ptp/ptp_vmclock.c). With d ticks since the point,
//
//	time  = time_sec + time_frac_sec·2⁻⁶⁴ + d·period·2^−(64+shift)            in seconds
//	error = time_maxerror + |d|·period_maxerror·2^−(64+shift)
//
// Each term is rounded to a nanosecond by itself: the time always down, the error always up, and
// every term of the time that was not exact adds the nanosecond that it may have lost to the error.
// So [time − error, time + error] contains all that the formula allows. The error is less than 3 ns
// above that of the formula.

// Limits beyond which the page makes no sense. They keep the sums below far from the ends of int64,
// which are in the year 2262.
const (
	maxSeconds = 7_258_118_400 // 2200-01-01
	maxSpan    = 10 * 365 * 24 * time.Hour
	maxBack    = time.Second // the hypervisor's reading may be newer than ours, not by much
	maxShift   = 63          // a tick is less than 2^−shift s
	nanos      = 1_000_000_000
)

// timeAt returns the time at which the hardware counter read now, in nanoseconds since 1970 UTC,
// and its greatest possible error. The page must be usable.
func (p *page) timeAt(now uint64) (unixNano int64, maxError time.Duration, err error) {
	if err := p.plausible(); err != nil {
		return 0, 0, err
	}
	// The difference is right modulo 2⁶⁴, even if the counter has wrapped in between.
	ticks := int64(now - p[wordCounterValue])
	distance := magnitude(ticks)

	elapsed, ok := nanoseconds(distance, p[wordPeriod], p.shift())
	switch {
	case !ok:
		return 0, 0, noTime("the page's reference is more than %v away: counter %d, now %d", maxSpan, p[wordCounterValue], now)
	case ticks < 0 && elapsed.up > int64(maxBack):
		return 0, 0, noTime("the page's reference lies %v ahead of the counter: it is from before a disruption, or for another counter", time.Duration(elapsed.up))
	}
	growth, ok := nanoseconds(distance, p[wordPeriodMaxError], p.shift())
	if !ok {
		return 0, 0, noTime("the error has grown beyond %v since the hypervisor last updated the page, %v ago", maxSpan, time.Duration(elapsed.up))
	}
	fraction, _ := nanoseconds(1, p[wordSecondsFraction], 0)

	unixNano = p.utcSeconds()*nanos + fraction.down
	if ticks < 0 {
		unixNano -= elapsed.up
	} else {
		unixNano += elapsed.down
	}
	lost := fraction.inexact() + elapsed.inexact()
	maxError = time.Duration(int64(p[wordTimeMaxError]) + growth.up + lost)
	return unixNano, maxError, p.sameSideOfLeap(unixNano, maxError)
}

// plausible returns an error if a field is beyond its limit, or has a zero that can only mean that
// nobody has filled it in: no clock is without error, and a bound without growth would stay as
// narrow as it is when the hypervisor stops to update the page.
func (p *page) plausible() error {
	switch {
	case p[wordSeconds] > maxSeconds:
		return noTime("the time of %d s since 1970 is after the year 2200", p[wordSeconds])
	case p.shift() > maxShift:
		return noTime("the period of the counter is shifted by %d bits: at most %d make sense", p.shift(), maxShift)
	case p[wordPeriod] == 0:
		return noTime("the period of the counter is 0")
	case p[wordPeriodMaxError] == 0:
		return noTime("the error of the counter's period is 0, and no oscillator is perfect")
	case p[wordTimeMaxError] == 0:
		return noTime("the error of the time is 0, and no clock is perfect")
	case p[wordTimeMaxError] > uint64(maxSpan):
		return noTime("the error of the time is %d ns, more than %v", p[wordTimeMaxError], maxSpan)
	}
	return nil
}

// utcSeconds is the time of the page's reference point.
func (p *page) utcSeconds() int64 {
	if p.timeType() == timeTAI {
		return int64(p[wordSeconds]) + int64(p.taiOffset())
	}
	return int64(p[wordSeconds])
}

// sameSideOfLeap returns an error if a leap second may lie between the reference point and now. The
// leap indicator and the offset to TAI are those of the reference point, and the line knows nothing
// of leap seconds. A second of margin covers the one that is inserted or left out.
func (p *page) sameSideOfLeap(unixNano int64, maxError time.Duration) error {
	if p.leap() == LeapNone {
		return nil
	}
	margin := maxError + time.Second
	month := monthOf(p.utcSeconds() * nanos)
	if monthOf(unixNano-int64(margin)) != month || monthOf(unixNano+int64(margin)) != month {
		return noTime("the page was written %v, and a leap second may lie between then and now", p.leap())
	}
	return nil
}

// monthOf numbers the months, at the ends of which leap seconds are.
func monthOf(unixNano int64) int {
	year, month, _ := time.Unix(0, unixNano).UTC().Date()
	return year*12 + int(month)
}

// rounded is a number of nanoseconds, rounded down and up.
type rounded struct{ down, up int64 }

func (r rounded) inexact() int64 { return r.up - r.down }

// nanoseconds returns count · fraction · 2^−(64+shift) seconds. ok is false beyond maxSpan. The
// shift is at most maxShift.
func nanoseconds(count, fraction uint64, shift uint8) (r rounded, ok bool) {
	// The product with 10⁹ has at most 158 bits: three words, of which the lowest is dropped.
	hi, lo := bits.Mul64(count, fraction)
	carried, dropped := bits.Mul64(lo, nanos)
	top, middle := bits.Mul64(hi, nanos)
	middle, carry := bits.Add64(middle, carried, 0)
	top += carry

	whole := middle>>shift | top<<(64-shift)
	if top>>shift != 0 || whole > uint64(maxSpan) {
		return rounded{}, false
	}
	r = rounded{down: int64(whole), up: int64(whole)}
	if dropped != 0 || middle&(1<<shift-1) != 0 {
		r.up++
	}
	return r, true
}

// magnitude returns |d|, which is beyond int64 for the least one.
func magnitude(d int64) uint64 {
	if d == math.MinInt64 {
		return 1 << 63
	}
	return uint64(max(d, -d))
}
