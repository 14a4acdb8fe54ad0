package discipline

import (
	"math"
	"math/bits"
)

// Drift bounds how far true time and the local counter can run apart: dT/dc lies in
// [1 − slow, 1 + fast].
//
// The user declares ρ: the counter c runs within ρ of true time T, |dc/dT − 1| ≤ ρ. We extrapolate
// the other way round, over dT/dc, which lies in [1/(1+ρ), 1/(1−ρ)]. With ρ' = ρ/(1−ρ) that is
// inside [1−ρ', 1+ρ']. For 200 ppm, ρ' is 200.04 ppm; to use ρ itself would be wrong by 40 ppb.
type Drift struct {
	slow, fast uint64 // in units of 2⁻⁶⁴, rounded up
}

const billion = 1_000_000_000

// MaxDriftPPB is the largest ρ for which NewDrift is defined: 100 000 ppm, the most by which the
// Linux kernel lets anybody bend a clock.
const MaxDriftPPB = 100_000_000

// MaxDriftFraction is an upper limit for a Drift that is not absurd, in units of 2⁻⁶⁴: 1/8.
const MaxDriftFraction = 1 << 61

// NewDrift returns ±ρ' for a ρ given in parts per billion, at most [MaxDriftPPB].
func NewDrift(ppb uint64) Drift {
	ppb = min(ppb, MaxDriftPPB)
	quotient, remainder := bits.Div64(ppb, 0, billion-ppb)
	if remainder != 0 {
		quotient++
	}
	return Drift{quotient, quotient}
}

// DriftOfPPM returns ±ρ' for a ρ given in parts per million, rounded up to a part per billion.
func DriftOfPPM(ppm float64) Drift {
	ppb := uint64(ppm * 1000)
	if math.FMA(ppm, 1000, -float64(ppb)) > 0 { // the exact product is above ppb, even where it was rounded to it
		ppb++
	}
	return NewDrift(max(ppb, 1))
}

// maxRateError bounds the argument of Scaled: a counter that is further off has been measured wrong.
const maxRateError = 0.1

// Scaled returns the drift of a counter c whose rate against a reference counter is known: d is the
// drift of the reference r, and dc/dr − 1 lies within [low, high]. So
//
//	dT/dc = dT/dr / (dc/dr)  lies within  [(1 − slow)/(1 + high), (1 + fast)/(1 + low)]
//
// A slope that would come out on the other side of 1 is taken as 1, which is wider.
func (d Drift) Scaled(low, high float64) Drift {
	low, high = max(low, -maxRateError), min(high, maxRateError)
	slow := (d.slowRate() + high) / (1 + high)
	fast := (d.fastRate() - low) / (1 + low)
	return Drift{fractionAbove(slow), fractionAbove(fast)}
}

func (d Drift) slowRate() float64 { return float64(d.slow) / (1 << 64) }
func (d Drift) fastRate() float64 { return float64(d.fast) / (1 << 64) }

// fractionAbove converts a rate to units of 2⁻⁶⁴. The few operations above are exact to 10⁻¹⁶, and
// what is added here is a hundred times that.
func fractionAbove(rate float64) uint64 {
	const slack = 1e-14
	return uint64(math.Ceil(max(rate+slack, 0) * (1 << 64)))
}

// grow returns by how much true time may have left the counter over a span ≥ 0, rounded up:
// ⌊fraction·span⌋ + 1, and 0 for no span at all.
func grow(span int64, fraction uint64) int64 {
	if span == 0 {
		return 0
	}
	whole, _ := bits.Mul64(uint64(span), fraction)
	return int64(whole) + 1
}

// Parts returns the slow and the fast limit in units of 2⁻⁶⁴, and DriftOf makes a Drift of them: a
// record of a drift has to be exact.
func (d Drift) Parts() (slow, fast uint64) { return d.slow, d.fast }

// DriftOf returns the drift with these parts.
func DriftOf(slow, fast uint64) Drift { return Drift{slow, fast} }

// Sensible reports whether it is less than the half of true time. Whoever hears of another drift need
// not believe it.
func (d Drift) Sensible() bool { return d.slow < 1<<63 && d.fast < 1<<63 }
