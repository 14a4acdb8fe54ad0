package leap

import "math/bits"

// The only smear is linear and from noon to noon: 24 hours of the smeared clock around the leap, which
// take 86401 s of TAI if a second is inserted and 86399 s if one is removed. Google has used it since
// 2017, AWS uses it, and so does this library (developers.google.com/time/smear).

// span is one leap second: from which POSIX second on which TAI−UTC is in force, in nanoseconds.
type span struct {
	at            UTC
	before, after int64
}

// ramp is one leap second smeared: while TAI goes on by si from tai, the smeared clock goes on by a day
// from smeared.
type ramp struct {
	tai, si int64
	smeared int64
}

func (l span) ramp() ramp {
	return ramp{
		tai: int64(l.at) + l.before - halfDay, si: day + l.after - l.before,
		smeared: int64(l.at) - halfDay,
	}
}

// scaled returns x·m/n for 0 ≤ x < n and m > 0, rounded down or up. Products are below 2¹⁰⁰ and
// results below m, so nothing overflows.
func scaled(x, m, n int64, round Round) int64 {
	hi, lo := bits.Mul64(uint64(x), uint64(m))
	quotient, rest := bits.Div64(hi, lo, uint64(n))
	if round == Up && rest > 0 {
		quotient++
	}
	return int64(quotient)
}

// Round says which way a result is rounded that is not a whole nanosecond.
type Round bool

// Lower bounds are rounded down, upper bounds up.
const (
	Down Round = false
	Up   Round = true
)
