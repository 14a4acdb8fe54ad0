package discipline

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// oscillator is a counter whose rate against true time wanders up to the very edge of what ρ
// allows. True time is kept exactly, as whole nanoseconds and billionths of one.
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

func (o *oscillator) wander(rng *rand.Rand) {
	switch rng.IntN(4) {
	case 0:
		o.ppb = slowestPPB
	case 1:
		o.ppb = fastestPPB
	default:
		o.ppb = slowestPPB + rng.Int64N(fastestPPB-slowestPPB+1)
	}
}

// server stamps true time with an error of at most claim, if it is honest.
type server struct {
	claim int64
	lie   func(truth int64, answer Bounds) int64 // nil for an honest one
}

// lies, each of which has broken another rule of agreement in the field.
var lies = []func(int64, Bounds) int64{
	func(truth int64, _ Bounds) int64 { return truth + 250*ms },
	func(truth int64, _ Bounds) int64 { return truth + truth%second/1000 },         // slow drift, again and again
	func(truth int64, b Bounds) int64 { return b.Lower.Time + ms/2 },               // stands still at an old end
	func(truth int64, b Bounds) int64 { return (truth + b.At(b.Upper.At).Hi) / 2 }, // anywhere
}

// In every seeded world: at most f liars, any delay split between the two ways, any loss, a counter
// at the edge of its drift. The truth is within the answer before and after every sample, Earliest
// never goes back, no honest source is convicted and the first epoch never ends.
func TestContainmentInRandomWorlds(t *testing.T) {
	seed := rand.Uint64()
	for w := range 300 {
		if err := runWorld(seed, uint64(w), Scale{Drift: NewDrift(200_000), Resolution: counterTick}); err != nil {
			t.Fatalf("seed %d world %d: %v", seed, w, err)
		}
	}
}

// The same worlds notice when ρ is used where ρ' is needed, which is 40 ppb, or when the tick of the
// counter is forgotten, which is 7 ns, and nothing else is wrong.
func TestContainmentNoticesTheSmallestFaults(t *testing.T) {
	rhoForRhoPrime := Scale{Drift: NewDrift(200_000), Resolution: counterTick}
	rhoForRhoPrime.Drift.slow -= rhoForRhoPrime.Drift.slow / 5000
	rhoForRhoPrime.Drift.fast -= rhoForRhoPrime.Drift.fast / 5000
	for name, scale := range map[string]Scale{
		"ρ for ρ'":                 rhoForRhoPrime,
		"the counter has no ticks": {Drift: NewDrift(200_000)},
	} {
		var err error
		for w := uint64(0); err == nil; w++ {
			require.Less(t, w, uint64(3000), "no world noticed: %s", name)
			err = runWorld(1, w, scale)
		}
	}
}

func runWorld(seed, world uint64, scale Scale) error {
	rng := rand.New(rand.NewPCG(seed, world))
	n := 1 + rng.IntN(7)
	faulty := (n - 1) / 2
	servers, voter := make([]server, n), make([]int, n)
	for i := range servers {
		servers[i].claim, voter[i] = rng.Int64N(200_000), i
		if i < faulty {
			servers[i].lie = lies[rng.IntN(len(lies))]
		}
	}
	o := &oscillator{truth: truthAtZero}
	d := New(Config{Scale: scale, Faulty: faulty, Voter: voter})
	longestDelay := int64(1) << (10 + rng.IntN(17)) // 1 µs to 67 ms
	longestPause := int64(1) << (20 + rng.IntN(20)) // 1 ms to 550 s

	var earliest int64
	check := func() error {
		bounds, ok := d.Bounds()
		if !ok {
			return nil
		}
		i := bounds.At(o.read())
		if i.Lo > o.truth || i.Hi < o.truth {
			return fmt.Errorf("at counter %d true time %d is not in %v", o.counter, o.truth, i)
		}
		if i.Lo < earliest {
			return fmt.Errorf("at counter %d Earliest went back from %d to %d", o.counter, earliest, i.Lo)
		}
		earliest = i.Lo
		return nil
	}
	for range 400 {
		o.wander(rng)
		o.advance(rng.Int64N(longestPause))
		if err := check(); err != nil {
			return err
		}

		i := rng.IntN(n)
		s := &servers[i]
		stamp := func() int64 {
			if s.lie != nil {
				bounds, _ := d.Bounds()
				return s.lie(o.truth, bounds)
			}
			return o.truth - s.claim + rng.Int64N(2*s.claim+1)
		}
		var f Facts
		f.Upper.At = o.read()
		o.advance(rng.Int64N(longestDelay) * rng.Int64N(2))
		f.Upper.Time = stamp() + s.claim
		o.wander(rng)
		o.advance(rng.Int64N(longestDelay) * rng.Int64N(2))
		f.Lower.Time = stamp() - s.claim
		o.advance(rng.Int64N(longestDelay) * rng.Int64N(2))
		f.Lower.At = o.read()
		if rng.IntN(5) == 0 {
			continue // the reply is lost
		}
		o.advance(rng.Int64N(1000))

		if err := d.Add(i, f, d.Epoch(), o.read()); err != nil && s.lie == nil {
			return fmt.Errorf("honest sample %v of source %d was not used: %w", f, i, err)
		}
		if err := check(); err != nil {
			return err
		}
		if d.Epoch() != 1 {
			return fmt.Errorf("the epoch ended: %s", d.LastDisruption().Reason)
		}
		if v := d.Verdict(i); s.lie == nil && (v == Convicted || v == Falseticker) {
			return fmt.Errorf("honest source %d got verdict %d", i, v)
		}
	}
	return nil
}
