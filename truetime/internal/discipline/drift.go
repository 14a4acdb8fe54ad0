package discipline

import "math/bits"

// Drift is the bound ρ' on how far true time and the local counter can run apart.
//
// The user declares ρ: the counter c runs within ρ of true time T, |dc/dT − 1| ≤ ρ. We extrapolate
// the other way round, over dT/dc, which lies in [1/(1+ρ), 1/(1−ρ)]. With ρ' = ρ/(1−ρ) that is
// inside [1−ρ', 1+ρ']. For 200 ppm, ρ' is 200.04 ppm; to use ρ itself would be wrong by 40 ppb.
type Drift struct {
	fraction uint64 // ρ' in units of 2⁻⁶⁴, rounded up
}

const billion = 1_000_000_000

// MaxDriftPPB is the largest ρ for which NewDrift is defined: 100 000 ppm, the most by which the
// Linux kernel lets anybody bend a clock.
const MaxDriftPPB = 100_000_000

// NewDrift returns ρ' for a ρ given in parts per billion, at most [MaxDriftPPB].
func NewDrift(ppb uint64) Drift {
	ppb = min(ppb, MaxDriftPPB)
	quotient, remainder := bits.Div64(ppb, 0, billion-ppb)
	if remainder != 0 {
		quotient++
	}
	return Drift{quotient}
}

// grow returns ⌈ρ'·span⌉: by how many nanoseconds true time may have run apart from the counter
// while the counter advanced by span ≥ 0.
func (d Drift) grow(span int64) int64 {
	whole, part := bits.Mul64(uint64(span), d.fraction)
	if part != 0 {
		whole++
	}
	return int64(whole)
}
