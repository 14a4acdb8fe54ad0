package fleet

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Run tells one run of a daemon from the next. 0 is none.
type Run uint64

// Memory is for how long an edge counts after it was last proved.
const Memory = time.Hour

// Minority as a number of machines that may be wrong is fewer than half of the fleet, ⌊(n−1)/2⌋.
const Minority = -1

// DefaultRandom is how many machines are asked in a round besides the two neighbours in the ring.
const DefaultRandom = 3

// Config is what a machine is to know.
type Config struct {
	Name   string // of this machine: no other has it
	Run    Run
	Peers  []string // where to ask the others; this machine may be among them
	Faulty int      // how many may be wrong, or Minority
	Random int
	Seed   uint64
}

// Edge is what a machine has proved by its own exchange with another.
type Edge struct {
	Machine string        // the other one
	Run     Run           // of the other one
	Gap     time.Duration // how far the other clock was ahead at least, or behind if it is negative
	Age     time.Duration // since it was last proved
}

// Reply is what a peer has answered.
type Reply struct {
	Name             string
	Run              Run
	Interval         truetime.Interval // the zero value if its clock had no answer
	Machines, Faulty int               // as the peer counts them
	Edges            []Edge            // that it has proved
	Complete         bool              // these are all
}

// Exchange is a request and its reply.
type Exchange struct {
	Before, After truetime.Interval // what this machine's clock answered; the zero value if it did not
	RoundTrip     time.Duration
	Reply         Reply
}

// proof is an edge as it is kept.
type proof struct {
	run Run
	gap time.Duration
	at  time.Duration // when it was last proved
}

// Machine is what one machine of a fleet knows. Its methods take the time that has passed since any moment, by a clock that does not go
// back. It is not safe for use by several goroutines.
type Machine struct {
	name   string
	run    Run
	faulty int
	k      int
	random *rand.Rand

	peers   []*peer // sorted by where to ask them
	at      map[string]*peer
	named   map[string]*peer // by name, those that have answered and are neither this machine nor there twice
	hosts   map[string]*peer // by the host of the entry
	order   []*peer          // in which each has its random turn
	turn    int
	round   int
	counted int // machines of the fleet

	next, previous *peer // in the ring; nil if this machine is alone

	own      map[string]proof            // edges of this machine, by the other
	accusers map[string]map[string]proof // edges that others have proved: by the accused, and by who has proved it
	expiry   time.Duration               // no edge expires before
	verdict  *Verdict                    // nil when it may have changed
	lossy    bool                        // the network was found to lose datagrams
}

// New returns a machine that knows nothing yet.
func New(c Config) *Machine {
	m := &Machine{name: c.Name, run: c.Run, faulty: c.Faulty, k: c.Random, random: rand.New(rand.NewPCG(c.Seed, uint64(c.Run))),
		at: map[string]*peer{}, named: map[string]*peer{}, own: map[string]proof{}, accusers: map[string]map[string]proof{}}
	m.SetPeers(c.Peers)
	return m
}

// SetPeers says anew where the others are. What is known of those that stay is kept.
func (m *Machine) SetPeers(entries []string) {
	entries = slices.Compact(slices.Sorted(slices.Values(entries)))
	before := m.at
	m.at, m.hosts = make(map[string]*peer, len(entries)), make(map[string]*peer, len(entries))
	m.peers = make([]*peer, len(entries))
	for i, entry := range entries {
		p := before[entry]
		if p == nil {
			p = &peer{entry: entry}
		}
		host, _, _ := strings.Cut(entry, ":")
		m.peers[i], m.at[entry], m.hosts[host] = p, p, p
	}
	for entry, p := range before {
		if m.at[entry] == nil {
			m.forgetName(p)
		}
	}
	m.order = slices.Clone(m.peers)
	m.turn = 0
	m.random.Shuffle(len(m.order), func(i, j int) { m.order[i], m.order[j] = m.order[j], m.order[i] })
	m.count()
}

// Myself says that an entry is this machine.
func (m *Machine) Myself(entry string) {
	if p := m.at[entry]; p != nil && !p.self {
		m.forgetName(p)
		p.self = true
		m.count()
	}
}

// count finds out how many machines there are: this one, and all others that were not found to be there twice. It closes the ring of
// them.
func (m *Machine) count() {
	m.closeRing()
	before := m.counted
	m.counted = 1
	for _, p := range m.peers {
		if p.counts() {
			m.counted++
		}
	}
	if m.counted != before {
		m.verdict = nil
	}
}

// Machines is how many there are, this one included.
func (m *Machine) Machines() int { return m.counted }

// Faulty is how many of them may be wrong.
func (m *Machine) Faulty() int {
	if m.faulty == Minority {
		return (m.counted - 1) / 2
	}
	return m.faulty
}

// Edges returns what this machine has proved, in a random order, so that where only some have room all have their turn.
func (m *Machine) Edges(now time.Duration) []Edge {
	m.expire(now)
	edges := make([]Edge, 0, len(m.own))
	for machine, e := range m.own {
		edges = append(edges, Edge{machine, e.run, e.gap, now - e.at})
	}
	slices.SortFunc(edges, func(a, b Edge) int { return strings.Compare(a.Machine, b.Machine) })
	m.random.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
	return edges
}

// expire forgets edges that are too old.
func (m *Machine) expire(now time.Duration) {
	if now < m.expiry {
		return
	}
	m.expiry = now + Memory
	old := func(_ string, e proof) bool {
		if e.at+Memory <= now {
			m.verdict = nil
			return true
		}
		m.expiry = min(m.expiry, e.at+Memory)
		return false
	}
	maps.DeleteFunc(m.own, old)
	for accused, by := range m.accusers {
		if maps.DeleteFunc(by, old); len(by) == 0 {
			delete(m.accusers, accused)
		}
	}
}

// Verdict returns what follows from all edges that this machine knows.
func (m *Machine) Verdict(now time.Duration) Verdict {
	m.expire(now)
	if m.verdict == nil {
		var pairs []Pair
		for machine := range m.own {
			pairs = append(pairs, Pair{m.name, machine})
		}
		for accused, by := range m.accusers {
			for who := range by {
				pairs = append(pairs, Pair{who, accused})
			}
		}
		v := Convict(pairs, m.Faulty())
		m.verdict = &v
	}
	return *m.verdict
}

// Alone returns the machines that this machine contradicts by its own exchanges, sorted, if they are more than may be wrong. Then this
// machine is wrong itself, or the assumption has failed.
func (m *Machine) Alone(now time.Duration) []string {
	m.expire(now)
	if len(m.own) <= m.Faulty() {
		return nil
	}
	return slices.Sorted(maps.Keys(m.own))
}
