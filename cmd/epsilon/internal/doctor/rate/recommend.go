package rate

import (
	"fmt"
	"math"
	"time"
)

// Recommendation is what to declare, as far as the evidence carries it. Advice that is too small makes wrong answers
// that nothing shows: where the evidence leaves a doubt there is none.
type Recommendation struct {
	DriftPPM *float64 `json:",omitempty"` // nil for none: keep the default, or what is declared if that is more
	DriftWhy string

	WanderPPB *float64 `json:",omitempty"` // nil to declare none
	WanderWhy string
}

// What is asked of evidence, and what is added to it. None of it is proved: it is what crystals are known to do.
const (
	defaultDriftPPM = 200 // of truetime.WithDrift

	// enough is the least that windows must cover before anything is recommended: a cycle of an air conditioning, and
	// some changes of load.
	enough = time.Hour

	// Windows count that are no longer than longestForDrift and known to within wellKnownPPM, the shortest of them: they
	// show the most. What shorter ones prove to have been counts beside.
	longestForDrift = time.Hour
	wellKnownPPM    = 6

	// unseenPPM is what a crystal may move by besides what it was seen to: 20 ppm for temperatures from a cold start to
	// a failed fan, 5 ppm a year for its age, and the rest for what the kernel takes its nominal rate to be at another
	// start.
	unseenPPM = 50

	// A migration may step the rate that a virtual machine sees by migrationPPM: KVM does not scale a guest's counter
	// while the new host's is within tsc_tolerance_ppm of it (Linux arch/x86/kvm/x86.c). No measurement on one host
	// shows that, and so none recommends less to a virtual machine than the default or what is declared.
	migrationPPM = 250

	// A wander takes windows of minutes, as warmth does, known well enough. A change that lasts a minute shows as a
	// fifth of itself in windows of five. A rate that swings like a sine with a period of T shows as sin²(x)/x² of its
	// fastest change, x = π·d/T, in pairs of windows of d: once a minute as 0.3 in the shortest ones even if they are an
	// eighth longer than their name, and a slower swing as more. So swingMargin times what those do not exclude is no less
	// than any such swing. Of what comes and goes faster, less shows.
	longestForWander = 5 * time.Minute
	wellKnownPPB     = 25
	wanderMargin     = 5
	swingMargin      = 4
	leastWanderPPB   = 100  // load beside the crystal: 1 ppm/°C, and 0.1 °C/s
	mostWanderPPB    = 5000 // near servers that know no less than this still gain a third by it
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
	if doubt := r.doubt(); doubt != "" {
		return nil, doubt
	}
	least := max(defaultDriftPPM, r.DeclaredDriftPPM)
	reached := r.ExceededPPM + unseenPPM
	if r.Counted < enough && reached <= least {
		return nil, r.tooShort()
	}
	basis := r.drifts()
	if basis == nil {
		if reached > least { // what is proved to have been is worth more than a default
			ppm := roundUp(reached)
			return &ppm, fmt.Sprintf("the counter was off by %s ppm at least; %d are added for what was not seen. The evidence is too short or too wide to say how much it was at most", decimalDown(r.ExceededPPM), unseenPPM)
		}
		return nil, fmt.Sprintf("the evidence is too wide: no windows of %s or less that cover %s are known to within ±%d ppm; nearer servers or a shorter poll_min narrow it", age(longestForDrift), age(enough), wellKnownPPM)
	}
	shown := max(basis.notExcluded(), r.ExceededPPM)
	ppm := roundUp(shown + unseenPPM)
	why := fmt.Sprintf("windows of %s do not exclude %s ppm; %d are added for what was not seen", age(basis.Length), decimalUp(shown), unseenPPM)
	if r.Virtual && ppm <= least {
		return nil, fmt.Sprintf("a migration may step the rate of a virtual machine by %d ppm, and no measurement on one host shows that", migrationPPM)
	}
	return &ppm, why
}

// doubt says why nothing that was measured is to be relied on, if so: the counter may have been off by more than it
// shows, as nothing counts of the time in which that may have been.
func (r *Report) doubt() string {
	switch {
	case r.Contradictions > 0:
		return fmt.Sprintf("more sources contradicted each other than may be wrong, or the counter was off by more than %s ppm: nobody knows which, and what was measured then does not count", number(r.AssumedPPM))
	case !r.explained():
		return "a clock has refused this counter, and nothing that was measured since shows what it refused"
	}
	return ""
}

// explained reports whether what a clock refused before, if one has, has been seen by this one too.
func (r *Report) explained() bool {
	return r.Refused == "" || r.RefusedPPM > 0 && r.ExceededPPM >= r.RefusedPPM
}

func (r *Report) tooShort() string {
	return fmt.Sprintf("the evidence is too short: %s count, and it takes %s at least", age(r.Counted), age(enough))
}

// drifts is the shortest windows that cover enough and are known well enough, or nil. Longer ones that are come before them
// if they exclude less, by what the shorter ones do not cover.
func (r *Report) drifts() (basis *Windows) {
	for i := range r.Windows {
		w := &r.Windows[i]
		if w.Length > longestForDrift || w.KnownToPPM > wellKnownPPM || w.Covered < enough {
			continue
		}
		if basis == nil || w.notExcluded() > basis.notExcluded() {
			basis = w
		}
	}
	return basis
}

func (r *Report) recommendWander() (*float64, string) {
	doubt := r.doubt()
	switch {
	case r.Virtual && !r.VMClock:
		return nil, "a virtual machine that is migrated has another rate at once, and without a VMClock device nobody tells of it"
	case doubt != "":
		return nil, doubt
	case r.Refused != "":
		return nil, "a clock has refused this counter, whose rate may have changed at once"
	case r.Counted < enough:
		return nil, r.tooShort()
	}
	basis, swings := r.wanders(), r.swings()
	if swings == nil {
		return nil, fmt.Sprintf("there is too little of it: no windows of %s cover %s; a shorter poll_min makes more of them", age(shortest), age(enough))
	}
	if basis == nil {
		return nil, fmt.Sprintf("the evidence is too wide: no windows of %s or less that cover %s leave a change of %d ppb/s or less; nearer servers or a shorter poll_min narrow it", age(longestForWander), age(enough), wellKnownPPB)
	}
	shown := max(basis.MostPPB, r.wanderReached())
	ppb := roundUp(max(wanderMargin*shown, swingMargin*swings.MostPPB, leastWanderPPB))
	if ppb > mostWanderPPB {
		return nil, fmt.Sprintf("the evidence is too wide for a wander that gains anything: windows of %[2]s do not exclude %[1]s ppb/s, and those of %[4]s %[3]s", decimalUp(shown), age(basis.Length), decimalUp(swings.MostPPB), age(swings.Length))
	}
	return &ppb, fmt.Sprintf("windows of %s do not exclude %s ppb/s, and those of %s %s; it is %d times the one at least, %d times the other, and %d. What comes and goes within half a minute shows in none",
		age(basis.Length), decimalUp(shown), age(swings.Length), decimalUp(swings.MostPPB), wanderMargin, swingMargin, leastWanderPPB)
}

// wanders is the shortest pairs of windows that cover enough and leave little room for changes, or nil: what is known
// roughly leaves much.
func (r *Report) wanders() *Wander {
	for i := range r.Wander {
		if w := &r.Wander[i]; w.Length <= longestForWander && w.Covered >= enough && w.MostPPB-w.LeastPPB <= wellKnownPPB {
			return w
		}
	}
	return nil
}

// swings is the pairs of the shortest windows there may be, if they cover enough, or nil.
func (r *Report) swings() *Wander {
	for i := range r.Wander {
		if w := &r.Wander[i]; w.Length == shortest && w.Covered >= enough {
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
