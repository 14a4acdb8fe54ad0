package testbed

import (
	"math/rand/v2"
	"time"
)

// Path is what a Relay does to the datagrams of one direction. The zero value passes each on at
// once, whole and once. The shares are probabilities, 0 to 1, and independent of each other.
type Path struct {
	Delay  time.Duration // of every datagram
	Jitter time.Duration // added to it: uniform, 0 to Jitter, drawn for each copy

	Loss      float64       // share that is never sent
	Duplicate float64       // share that is sent twice; each copy has a jitter of its own
	Reorder   float64       // share that is held back by HoldBack more, so that later ones overtake it
	HoldBack  time.Duration // 0 stands for 1 ms + 2 × (Delay + Jitter)

	Corrupt  float64 // share of which bits are inverted, the same ones in both copies
	FlipBits int     // how many, at different places, drawn anew each time; 0 stands for 1
}

// PathCounts is what a Relay has done in one direction.
type PathCounts struct {
	Received   int // datagrams that came in
	Lost       int // of these, not sent on purpose
	Duplicated int // of these, sent twice
	Corrupted  int // of these, sent with bits inverted
	Overflowed int // of these, dropped because too many were under way
	Sent       int // datagrams that went out
	Overtaken  int // of these, after one that had come in later
}

// fate is what becomes of one datagram.
type fate struct {
	lost   bool
	flips  []int           // which bits
	delays []time.Duration // of each copy
}

// draw decides on one datagram. How many numbers it takes from the generator depends on the options
// alone and not on what they decide, so a seed gives the same fates whatever happens meanwhile.
func (p Path) draw(random *rand.Rand, bits int) fate {
	var f fate
	f.lost = random.Float64() < p.Loss
	twice := random.Float64() < p.Duplicate
	held := random.Float64() < p.Reorder
	corrupt := random.Float64() < p.Corrupt
	jitter := [2]float64{random.Float64(), random.Float64()}
	// A generator of its own: how many numbers different places take is a matter of luck.
	places := rand.New(rand.NewPCG(random.Uint64(), 0))

	if corrupt && !f.lost && bits > 0 {
		f.flips = places.Perm(bits)[:min(bits, max(p.FlipBits, 1))]
	}
	hold := p.HoldBack
	if hold == 0 {
		hold = time.Millisecond + 2*(p.Delay+p.Jitter)
	}
	for i := range 2 {
		if i == 1 && !twice {
			break
		}
		delay := p.Delay + time.Duration(jitter[i]*float64(p.Jitter))
		if held {
			delay += hold
		}
		f.delays = append(f.delays, delay)
	}
	return f
}
