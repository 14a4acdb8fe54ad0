package line

import (
	"math/bits"
	"time"
)

// Meter says by how much the counter advances for each unit of the raw reading: Multiplier·2^(Up−64)
// nanoseconds.
type Meter struct {
	Multiplier uint64
	Up         uint
}

// Nanoseconds is the meter of a counter whose raw readings are its instants.
var Nanoseconds = Meter{1 << 63, 1}

// Limits within which nothing overflows.
const (
	TimeLimit = 1 << 62 // of a time in nanoseconds since 1970, on either side: the year 2116
	SpanLimit = 1 << 61 // shifted units, for what comes after and for how old an end may be: decades
)

// Span is the most raw units that a line may be read after its beginning.
func (m Meter) Span() uint64 { return SpanLimit >> m.Up }

// Units is how many raw units last no longer than d. It does not overflow for a d of up to a day and a
// Multiplier of at least 2⁶¹.
func (m Meter) Units(d time.Duration) uint64 {
	units, _ := bits.Div64(uint64(d)>>m.Up, uint64(d)<<(64-m.Up), m.Multiplier)
	return units
}
