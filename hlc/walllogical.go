package hlc

import (
	"fmt"
	"math"
	"strings"
)

// CockroachDB's timestamp is a pair of 96 bits, nanoseconds and a logical counter, ordered by the
// nanoseconds first. A Timestamp has 63. So that nothing goes back in either direction,
//
//   - a timestamp h becomes (h, 0), which is exact, and
//   - a pair becomes the smallest h for which (h, 0) is not before it: its wall time, and one
//     nanosecond more if the logical part is not zero.
//
// The order of pairs is kept, except that different pairs of one wall time may become equal: never
// take a converted timestamp for a unique one. Whoever merges it gets timestamps after the pair.
// Adding the logical part to the wall time would not do: (100, 9) would come after (101, 0).

// digits of the logical part after the decimal point.
const logicalDigits = 10

// WallLogical returns the pair that CockroachDB would call t.
func (t Timestamp) WallLogical() (wall int64, logical int32) { return int64(t), 0 }

// FromWallLogical returns the smallest timestamp that is not before the pair. The error is
// [ErrInvalidTimestamp]: wall must be above zero and logical not below it.
func FromWallLogical(wall int64, logical int32) (Timestamp, error) {
	if wall <= 0 || logical < 0 || logical > 0 && wall == math.MaxInt64 {
		return 0, fmt.Errorf("%w: no timestamp for wall time %d, logical %d", ErrInvalidTimestamp, wall, logical)
	}
	if logical > 0 {
		wall++
	}
	return Timestamp(wall), nil
}

// Decimal returns the pair as CockroachDB's cluster_logical_timestamp() prints it and AS OF SYSTEM TIME
// takes it: nanoseconds, a point, and ten digits of the logical part.
func (t Timestamp) Decimal() string { return t.String() + "." + strings.Repeat("0", logicalDigits) }

// ParseDecimal reads a pair as CockroachDB prints it and converts it like [FromWallLogical]. Digits
// after the point are a decimal fraction: ".1" is ".1000000000", because databases drop zeros at the
// end of decimals. The error is [ErrInvalidTimestamp].
func ParseDecimal(text string) (Timestamp, error) {
	integer, fraction, hasPoint := strings.Cut(text, ".")
	wall, ok := parseDigits(integer)
	logical := int64(0)
	if hasPoint {
		fits := len(fraction) > 0 && len(fraction) <= logicalDigits
		if fits {
			fraction += strings.Repeat("0", logicalDigits-len(fraction))
			logical, fits = parseDigits(fraction)
		}
		ok = ok && fits
	}
	if !ok || logical > math.MaxInt32 {
		return 0, fmt.Errorf("%w: %.40q is not of the form nanoseconds.logical, "+
			"of which the logical part has ten digits and at most the value 2147483647", ErrInvalidTimestamp, text)
	}
	return FromWallLogical(wall, int32(logical))
}
