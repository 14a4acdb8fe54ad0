package rate

import (
	"fmt"
	"math"
	"time"
)

// Recommendation is what to declare, as far as the evidence carries it.
type Recommendation struct {
	DriftPPM *float64 `json:",omitempty"` // nil to keep the default
	DriftWhy string

	WanderPPB *float64 `json:",omitempty"` // nil to declare none
	WanderWhy string
}

// What is asked of evidence, and what is added to it. None of it is proved: it is what crystals are known to do.
const (
	defaultDriftPPM = 200 // of truetime.WithDrift

	// enough is the shortest measurement that anything is recommended from: a cycle of an air conditioning, and
	// some changes of load.
	enough = time.Hour

	// Windows count that are no longer than longestForDrift and known to within wellKnownPPM, the shortest of them: they
	// show the most. What shorter ones prove to have been counts beside.
	longestForDrift = time.Hour
	wellKnownPPM    = 6

	// unseenPPM is what a crystal may move by besides what it was seen to: 20 ppm for temperatures from a cold start to
	// a failed fan, 5 ppm a year for its age, and the rest for what the kernel takes its nominal rate to be at another
	// start. Where a virtual machine may be migrated it is the rate of another host, ±50 ppm on both of them (Linux
	// include/uapi/linux/vmclock-abi.h).
	unseenPPM        = 50
	unseenPPMVirtual = 100

	// A wander takes windows of minutes, as warmth does, known well enough. A change that lasts a minute shows as a
	// fifth of itself in windows of five.
	longestForWander = 5 * time.Minute
	wellKnownPPB     = 25
	wanderMargin     = 5
	leastWanderPPB   = 100 // load beside the crystal: 1 ppm/°C, and 0.1 °C/s
	mostWanderPPB    = 1000
)

func recommend(r *Report) (a Recommendation) {
	if r.Fault != "" {
		const why = "the counter is off by more than the clock assumed, and its answers are worth nothing"
		return Recommendation{DriftWhy: why, WanderWhy: why}
	}
	a.DriftPPM, a.DriftWhy = r.recommendDrift()
	a.WanderPPB, a.WanderWhy = r.recommendWander()
	return a
}

// recommendDrift adds to what windows do not exclude what they cannot show.
func (r *Report) recommendDrift() (*float64, string) {
	margin := float64(unseenPPM)
	if r.Virtual {
		margin = unseenPPMVirtual
	}
	reached := r.ExceededPPM + margin
	if r.Counted < enough && reached <= defaultDriftPPM {
		return nil, fmt.Sprintf("the evidence is too short: %s count, and it takes %s at least", age(r.Counted), age(enough))
	}
	basis := r.drifts()
	if basis == nil {
		if reached > defaultDriftPPM { // what is proved to have been is worth more than a default
			ppm := roundUp(reached)
			return &ppm, fmt.Sprintf("the counter was off by %s ppm at least; %.0f are added for what was not seen. The evidence is too short or too wide to say how much it was at most", decimal(r.ExceededPPM), margin)
		}
		return nil, fmt.Sprintf("the evidence is too wide: no window of %s or less is known to within ±%d ppm; nearer servers or a shorter poll_min narrow it", age(longestForDrift), wellKnownPPM)
	}
	shown := max(basis.notExcluded(), r.ExceededPPM)
	ppm := roundUp(shown + margin)
	why := fmt.Sprintf("windows of %s do not exclude %s ppm; %.0f are added for what was not seen", age(basis.Length), decimal(shown), margin)
	if ppm == defaultDriftPPM {
		return nil, why + ", and that is the default"
	}
	return &ppm, why
}

// drifts is the shortest windows that are known well enough, or nil.
func (r *Report) drifts() *Windows {
	for i := range r.Windows {
		if w := &r.Windows[i]; w.Length <= longestForDrift && w.KnownToPPM <= wellKnownPPM {
			return w
		}
	}
	return nil
}

func (r *Report) recommendWander() (*float64, string) {
	switch {
	case r.Virtual && !r.VMClock:
		return nil, "a virtual machine that is migrated has another rate at once, and without a VMClock device nobody tells of it"
	case r.Counted < enough:
		return nil, fmt.Sprintf("the evidence is too short: %s count, and it takes %s at least", age(r.Counted), age(enough))
	}
	basis := r.wanders()
	if basis == nil {
		return nil, fmt.Sprintf("the evidence is too wide: no windows of %s or less leave a change of %d ppb/s or less; nearer servers or a shorter poll_min narrow it", age(longestForWander), wellKnownPPB)
	}
	shown := max(basis.MostPPB, r.wanderReached())
	ppb := roundUp(max(wanderMargin*shown, leastWanderPPB))
	if ppb > mostWanderPPB {
		return nil, fmt.Sprintf("the rate changes too fast to gain anything: %s ppb/s are not excluded", decimal(shown))
	}
	return &ppb, fmt.Sprintf("windows of %s do not exclude %s ppb/s; it is %d times that, and %d at least", age(basis.Length), decimal(shown), wanderMargin, leastWanderPPB)
}

// wanders is the shortest pairs of windows that leave little room for changes, or nil: what is known roughly
// leaves much.
func (r *Report) wanders() *Wander {
	for i := range r.Wander {
		if w := &r.Wander[i]; w.Length <= longestForWander && w.MostPPB-w.LeastPPB <= wellKnownPPB {
			return w
		}
	}
	return nil
}

// roundUp rounds up to two digits.
func roundUp(x float64) float64 {
	digit := math.Pow(10, max(math.Floor(math.Log10(x))-1, 0))
	return math.Ceil(x/digit) * digit
}
