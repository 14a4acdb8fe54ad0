package localcounter

import "math/bits"

// scale converts ticks of a hardware counter to nanoseconds:
//
//	ns = base + ⌊((ticks − origin) · 2^up) · multiplier / 2⁶⁴⌋
//
// The product is taken with all its 128 bits, so nothing is lost but the fraction of a nanosecond
// that is cut off at the end, which the counter's resolution covers.
//
// # Rounding
//
// multiplier is nanoseconds per tick in units of 2^(up−64), with up the smallest number for which
// it fits 64 bits. It is rounded once, when the scale is made, by less than one unit. As it is at
// least 2⁶² for every rate up to 4 GHz, the rate of the scale is off by less than 2⁻⁶² of itself:
// 0.7 ns in a hundred years. Even that is no part of the uncertainty: the rounded rate defines this
// counter, its rate against the kernel's is measured, and the bounds of that measurement are added
// to ρ (see [Watch]).
//
// # Range
//
// Ticks are counted as an unsigned difference from the origin, so it does not matter where the
// hardware counter started and whether it wraps. 2⁶⁴ ticks last 116 years at 5 GHz. Where up is
// not 0 a tick is longer than 2^(up−1) ns, and 2^(64−up) of them last 292 years.
type scale struct {
	origin     uint64
	multiplier uint64
	up         uint
	base       int64
	step       int64 // by how many nanoseconds it moves at once, rounded up, if that is more than a tick
}

// newScale returns the scale of a counter that advances by ticks in the given number of
// nanoseconds, both above 0, and that is to read base at origin.
func newScale(origin uint64, base int64, ticks, nanoseconds uint64) scale {
	s := scale{origin: origin, base: base}
	// nanoseconds/ticks · 2^(64−up) is to be below 2⁶⁴: nanoseconds < ticks · 2^up.
	for s.up < 63 && ticks<<s.up>>s.up == ticks && nanoseconds >= ticks<<s.up {
		s.up++
	}
	s.multiplier, _ = bits.Div64(nanoseconds, 0, ticks<<s.up)
	return s
}

// at converts a reading of the hardware counter.
func (s *scale) at(ticks uint64) int64 {
	ns, _ := bits.Mul64((ticks-s.origin)<<(s.up&63), s.multiplier)
	return s.base + int64(ns)
}

// tick is by how many nanoseconds the counter moves at once, rounded up: one tick at least.
func (s *scale) tick() int64 { return max(int64(s.multiplier>>(64-s.up))+1, s.step) }
