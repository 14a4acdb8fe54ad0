package discipline

import "github.com/epsilontime/epsilon/monotonic"

// oscillator is a counter whose rate against true time is set now and then. True time is kept exactly, as whole
// nanoseconds and billionths of one.
type oscillator struct {
	counter     monotonic.Instant
	truth, part int64
	ppb         int64 // dT/dc − 1
}

// Extremes of dT/dc − 1 for ρ = 200 ppm, in ppb and rounded inward: 1/(1+ρ) − 1 and 1/(1−ρ) − 1.
const slowestPPB, fastestPPB = -199_960, 200_040

func (o *oscillator) advance(span int64) {
	o.counter += monotonic.Instant(span)
	o.part += span % billion * o.ppb
	o.truth += span + span/billion*o.ppb + o.part/billion
	if o.part %= billion; o.part < 0 {
		o.part += billion
		o.truth--
	}
}

// counterTick is the counter's step in these worlds: a reading is behind by up to that much.
const counterTick = 7

func (o *oscillator) read() monotonic.Instant { return o.counter - o.counter%counterTick }
