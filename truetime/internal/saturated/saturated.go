// Package saturated does arithmetic on int64 nanoseconds that stops at the ends instead of wrapping
// around to the other side of time.
package saturated

import "math"

// Add returns a+b, or the nearest int64.
func Add(a, b int64) int64 {
	sum := a + b
	if (a >= 0) == (b >= 0) && (sum >= 0) != (a >= 0) {
		if a >= 0 {
			return math.MaxInt64
		}
		return math.MinInt64
	}
	return sum
}

// Sub returns a−b, or the nearest int64.
func Sub(a, b int64) int64 {
	if b == math.MinInt64 {
		if a >= 0 {
			return math.MaxInt64
		}
		return a - b
	}
	return Add(a, -b)
}

// Abs returns |a|, or the nearest int64.
func Abs(a int64) int64 {
	if a < 0 {
		return Sub(0, a)
	}
	return a
}
