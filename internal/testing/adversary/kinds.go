package adversary

import (
	"math"
	"math/rand/v2"
	"time"
)

// kind names a lie.
type kind int

// What a liar can do in a turn. Each is drawn as often as the others.
const (
	edge        kind = iota // a tiny interval at the edge of what all honest servers allow
	inside                  // a tiny interval in what all honest servers allow, and true time is not in it
	conspicuous             // off by 10 µs to an hour
	everyTenth              // the same, every tenth reply; the others are right
	drifting                // away from true time at up to 400 ppm, with a tiny claim
	creeping                // away from true time more slowly than a counter may drift
	majority                // off by less than a second while most of the honest servers are silent
	leaping                 // announces a leap second, or serves as if it had happened
	negative                // a root delay below 0
	reversed                // the reply is sent before the request comes in, by its stamps
	holding                 // the request was held for longer than the exchange took
	unsynced                // stratum 16, 0 or 255, or leap indicator 3
	huge                    // claims to be off by 1 s to 18 h
	posing                  // says what an honest server says of itself
	astray                  // replies from another port
	twofold                 // two replies that say different times
	stalely                 // a reply to the request before, alone or before the right one
	replaying               // the same stamps again and again
	kissing                 // asks to be asked less often, and is off
	kinds
)

var kindNames = [kinds]string{"edge", "inside", "conspicuous", "every tenth", "drifting", "creeping", "majority", "leaping", "negative root delay",
	"reversed", "holding", "unsynchronized", "huge claim", "posing", "astray", "twofold", "stale", "replaying", "kissing"}

func (k kind) String() string { return kindNames[k] }

const ppm = 1e-6

// tiny is a claim that makes a lie narrower than the truth.
const tiny = time.Microsecond

// draw makes a lie of a kind.
func (w *World) draw(k kind) lie {
	rng := w.rng
	b := lie{kind: k, claim: tiny, offset: signed(rng, between(rng, 10*time.Microsecond, time.Hour))}
	near := signed(rng, between(rng, 10*time.Microsecond, 100*time.Millisecond))
	switch k {
	case edge, inside:
		b.offset = w.within(k)
	case everyTenth:
		b.every = 10
	case drifting:
		b.offset, b.drift = near, signed(rng, 50+350*rng.Float64())*ppm
	case creeping:
		b.offset, b.drift = w.within(edge), signed(rng, 150*rng.Float64())*ppm
	case majority:
		b.offset = signed(rng, between(rng, 10*time.Microsecond, time.Second))
	case leaping:
		b.leap = uint8(1 + rng.IntN(2))
		b.offset = []time.Duration{0, time.Second, -time.Second}[rng.IntN(3)]
	case negative:
		b.offset, b.edit = near, negativeRootDelay(int32(between(rng, 1, math.MaxInt32)))
	case reversed:
		b.offset, b.held = near, -between(rng, 1, time.Second)
	case holding:
		b.offset, b.held = near, between(rng, time.Microsecond, time.Second)
		b.claim = between(rng, tiny, 100*time.Millisecond)
	case unsynced:
		b.edit = stratum([]uint8{0, 1, 16, 255}[rng.IntN(4)])
		b.leap = uint8(3 * rng.IntN(2))
	case huge:
		b.claim = between(rng, time.Second, 18*time.Hour)
	case posing:
		b.offset, b.edit = near, copied(w.honest[rng.IntN(len(w.honest))])
	case astray:
		b.astray = true
	case twofold:
		b.edit = twice(near)
	case stalely:
		b.offset, b.edit = near, stale(rng.IntN(2) == 0)
	case replaying:
		b.offset, b.edit = near, replayed
	case kissing:
		b.rate = true
	}
	return b
}

// within returns how far off a server with a tiny claim is that says the edge of what all honest
// servers allow, or a little less or more, or something inside of that.
func (w *World) within(k kind) time.Duration {
	lo, hi := w.honest[0].edges()
	for _, h := range w.honest[1:] {
		l, u := h.edges()
		lo, hi = max(lo, l), min(hi, u)
	}
	if k == inside {
		return lo + time.Duration(w.rng.Float64()*float64(hi-lo))
	}
	// A round trip on loopback widens what the client sees of them by some tens of microseconds.
	beyond := between(w.rng, tiny, 200*time.Microsecond)
	if w.rng.IntN(2) == 0 {
		beyond = -beyond
	}
	if w.rng.IntN(2) == 0 {
		return lo - beyond
	}
	return hi + beyond
}

func signed[T time.Duration | float64](rng *rand.Rand, v T) T {
	if rng.IntN(2) == 0 {
		return -v
	}
	return v
}

// between returns a duration of any order of magnitude between two.
func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return time.Duration(float64(least) * math.Pow(float64(most)/float64(least), rng.Float64()))
}
