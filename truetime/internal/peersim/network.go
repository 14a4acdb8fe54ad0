package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// instant is a moment of true time, in picoseconds since the site began.
type instant int64

const nanosecond instant = 1000

func after(d time.Duration) instant { return instant(d) * nanosecond }

// queue says how queues on the way to the servers delay a datagram. The jitter is the mean of what they add.
type queue uint8

const (
	exponential queue = iota
	uniform           // from nothing to twice the jitter
	oneSided          // exponential on the way to the server, and nothing on the way back
	commonShort       // of all machines and all servers the same, one each way: exponential, and another one every 0.1 s
	commonLong        // the same for 10 s
	queues
)

var queueNames = [queues]string{"exponential", "uniform", "one-sided", "common 0.1 s", "common 10 s"}

// congestion is how long a common queue stays as it is.
var congestion = map[queue]time.Duration{commonShort: 100 * time.Millisecond, commonLong: 10 * time.Second}

// servers is how many a site asks. One of them may lie.
const servers = 4

// Of what a server says. The claim has what it knows of itself, and the quanta of NTP's fields: half of one of the root delay, and one
// of the root dispersion, of 2⁻¹⁶ s each (design, 5.1).
const (
	serverError = 20 * time.Microsecond
	quantum     = time.Second >> 16
	claim       = serverError + quantum + quantum/2 + 2
	serverTakes = 20 * time.Microsecond // at most
)

// Of the ways between machines. A pair has a round trip of nearMin to nearMax, and each datagram is delayed by an
// exponential nearJitter besides, in which is whoever answers.
const (
	nearMin    = 50 * time.Microsecond
	nearMax    = 200 * time.Microsecond
	nearJitter = 20 * time.Microsecond
)

// network is the ways of one site.
type network struct {
	experiment
	rng    *rand.Rand
	there  [servers]instant // of the shortest round trip
	offset [servers]instant // by which the server is ahead, within its claim
	slots  map[uint64]instant
}

// newNetwork makes the same routes and servers for all sites of one seed.
func newNetwork(e experiment) *network {
	n := &network{experiment: e, rng: rand.New(rand.NewPCG(e.seed, uint64(e.machines))), slots: map[uint64]instant{}}
	route := rand.New(rand.NewPCG(e.seed, 0))
	for s := range servers {
		n.there[s] = instant(float64(after(e.base)) * (0.4 + 0.2*route.Float64()))
		n.offset[s] = instant(float64(after(serverError)) * (1.6*route.Float64() - 0.8))
		if n.atLimit {
			n.offset[s] = []instant{-1, 1}[route.IntN(2)] * after(claim-1)
		}
	}
	return n
}

// floor is ε if no datagram is ever delayed by a queue and nothing ages. With one of four servers wrong an end is the second best
// that a server says.
func (n *network) floor() time.Duration {
	var above, below []instant
	for s := range servers {
		above = append(above, n.there[s]+n.offset[s])
		below = append(below, after(n.base)-n.there[s]-n.offset[s])
	}
	slices.Sort(above)
	slices.Sort(below)
	return time.Duration((above[1]+below[1])/2/nanosecond) + claim
}

// exponential draws a delay.
func (n *network) exponential(mean time.Duration) instant {
	return instant(n.rng.ExpFloat64() * float64(after(mean)))
}

// toServer is how long a datagram takes that is sent at a moment.
func (n *network) toServer(server int, at instant) instant {
	return n.there[server] + n.queued(at, 0)
}

func (n *network) toMachine(server int, at instant) instant {
	return after(n.base) - n.there[server] + n.queued(at, 1)
}

func (n *network) queued(at instant, way uint64) instant {
	switch n.queue {
	case uniform:
		return instant(2 * n.rng.Float64() * float64(after(n.jitter)))
	case oneSided:
		if way == 1 {
			return 0
		}
	case commonShort, commonLong:
		slot := uint64(at/after(congestion[n.queue]))*2 + way
		d, known := n.slots[slot]
		if !known {
			d = instant(rand.New(rand.NewPCG(n.seed, slot)).ExpFloat64() * float64(after(n.jitter)))
			n.slots[slot] = d
		}
		return d
	}
	return n.exponential(n.jitter)
}

// near is how long a datagram takes between two machines.
func (n *network) near(a, b int) instant {
	if n.atLimit && n.rng.IntN(2) == 0 {
		return 0
	}
	pair := rand.New(rand.NewPCG(n.seed, uint64(min(a, b)*n.machines+max(a, b))))
	base := after(nearMin) + instant(pair.Float64()*float64(after(nearMax-nearMin)))
	return base/2 + n.exponential(nearJitter)
}

// serve is when a server sends its reply, and its two stamps.
func (n *network) serve(server int, received instant) (sent instant, t2, t3 int64) {
	sent = received + instant(n.rng.Float64()*float64(after(serverTakes)))
	stamp := func(t instant) int64 { return int64((t + n.offset[server]) / nanosecond) }
	return sent, stamp(received), stamp(sent)
}
