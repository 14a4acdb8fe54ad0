package fleet

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Run tells one run of a daemon from the next. 0 is none.
type Run uint64

// Place is an entry of the list of peers in short: what machines call each other by. Names are for people alone, since a machine may call itself as
// it likes.
type Place uint64

// PlaceOf shortens an entry.
func PlaceOf(entry string) Place {
	sum := sha256.Sum256([]byte(entry))
	return Place(binary.BigEndian.Uint64(sum[:]))
}

// Memory is for how long an edge counts after it was last proved.
const Memory = time.Hour

// Minority as a number of machines that may be wrong is fewer than half of the fleet, ⌊(n−1)/2⌋.
const Minority = -1

// DefaultRandom is how many machines are asked in a round besides the two neighbours in the ring.
const DefaultRandom = 3

// Config is what a machine is to know.
type Config struct {
	Name   string // of this machine
	Run    Run
	Peers  []string // where to ask the others; this machine may be among them
	Faulty int      // how many may be wrong, or Minority
	Random int
	Seed   uint64
}

// Edge is what a machine has proved by its own exchange with another.
type Edge struct {
	Machine Place         // the other one
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
	run Run // of the accused
	gap time.Duration
	at  time.Duration // when it was last proved
}

// Machine is what one machine of a fleet knows. Its methods take the time that has passed since any moment, by a clock that does not go
// back. It is not safe for use by several goroutines.
type Machine struct {
	me     *peer // this machine
	faulty int
	k      int
	random *rand.Rand

	peers  []*peer // sorted by where to ask them
	at     map[string]*peer
	places map[Place]*peer
	runs   map[Run]*peer  // the first that has answered with it
	names  map[string]int // how many machines call themselves so
	order  []*peer        // in which each has its random turn
	turn   int
	round  int

	located        bool  // one of the entries is this machine, going by its address
	next, previous *peer // in the ring; nil if this machine is alone

	own      map[*peer]proof           // edges of this machine
	accusers map[*peer]map[*peer]proof // edges that others have proved: by the accused, and by who has proved it
	expiry   time.Duration             // no edge expires before
	verdict  *Verdict                  // nil when it may have changed
	lossy    bool                      // the network was found to lose datagrams
}

// New returns a machine that knows nothing yet.
func New(c Config) *Machine {
	m := &Machine{me: &peer{name: c.Name, run: c.Run, self: true}, faulty: c.Faulty, k: c.Random, random: rand.New(rand.NewPCG(c.Seed, uint64(c.Run))),
		runs: map[Run]*peer{}, names: map[string]int{c.Name: 1}, own: map[*peer]proof{}, accusers: map[*peer]map[*peer]proof{}}
	m.SetPeers(c.Peers)
	return m
}

// SetPeers says anew where the others are. What is known of those that stay is kept.
func (m *Machine) SetPeers(entries []string) {
	entries = slices.Compact(slices.Sorted(slices.Values(entries)))
	before := m.at
	m.at, m.places = make(map[string]*peer, len(entries)), make(map[Place]*peer, len(entries))
	m.peers = make([]*peer, len(entries))
	for i, entry := range entries {
		p := before[entry]
		if p == nil {
			p = &peer{entry: entry, place: PlaceOf(entry)}
		}
		m.peers[i], m.at[entry], m.places[p.place] = p, p, p
	}
	for entry, p := range before {
		if m.at[entry] == nil {
			m.leave(p)
		}
	}
	m.located = slices.ContainsFunc(m.peers, func(p *peer) bool { return p.located })
	m.order = slices.Clone(m.peers)
	m.turn = 0
	m.random.Shuffle(len(m.order), func(i, j int) { m.order[i], m.order[j] = m.order[j], m.order[i] })
	m.verdict = nil
	m.closeRing()
}

// leave forgets a peer.
func (m *Machine) leave(p *peer) {
	m.rename(p, "")
	m.forgetRun(p)
	delete(m.own, p)
	for who := range m.accusers[p] {
		m.forgetReport(who, p)
	}
}

// Myself says that an entry is this machine, going by its address.
func (m *Machine) Myself(entry string) {
	if p := m.at[entry]; p != nil && !p.located {
		p.located, m.located = true, true
		m.isSelf(p)
	}
}

// NotMyself says that an entry has not, or no longer, the address of this machine: addresses change while a machine runs, and another one may have this by now.
func (m *Machine) NotMyself(entry string) {
	if p := m.at[entry]; p != nil && p.located {
		p.located = false
		m.located = slices.ContainsFunc(m.peers, func(p *peer) bool { return p.located })
		m.isAnother(p)
	}
}

// Located returns the entries that are this machine, going by their addresses.
func (m *Machine) Located() (entries []string) {
	for _, p := range m.peers {
		if p.located {
			entries = append(entries, p.entry)
		}
	}
	return entries
}

func (m *Machine) isSelf(p *peer) {
	m.rename(p, "")
	m.forgetRun(p)
	m.forgetOwn(p)
	p.self, p.twice = true, ""
	m.verdict = nil
	m.closeRing()
}

// isAnother undoes isSelf.
func (m *Machine) isAnother(p *peer) {
	p.self = false
	m.verdict = nil
	m.closeRing()
}

// Disrupted says that the time that is counted for this machine may have stood still, as it does while a host is suspended, so that nobody knows how
// long ago anything was proved. All edges are forgotten: the others report theirs anew, and whoever is still wrong is soon found again.
func (m *Machine) Disrupted() {
	clear(m.own)
	clear(m.accusers)
	for _, p := range m.peers {
		p.reported, p.compared = nil, false
	}
	m.verdict = nil
}

// Machines is how many there are, this one included: one for each entry, and this one if none of them has its address. What others say does not count,
// or liars could have f become smaller.
func (m *Machine) Machines() int {
	if m.located {
		return len(m.peers)
	}
	return len(m.peers) + 1
}

// Faulty is how many of them may be wrong.
func (m *Machine) Faulty() int {
	if m.faulty == Minority {
		return (m.Machines() - 1) / 2
	}
	return m.faulty
}

// Entries returns where the peers are asked, sorted.
func (m *Machine) Entries() []string {
	entries := make([]string, len(m.peers))
	for i, p := range m.peers {
		entries[i] = p.entry
	}
	return entries
}

// IsFor reports whether a request for a place may be for this machine: it is not, if it is known where this machine is, and that is somewhere else.
func (m *Machine) IsFor(place Place) bool {
	p := m.places[place]
	return !m.located || p != nil && p.self
}

// Edges returns what this machine has proved, in a random order, so that where only some have room all have their turn.
func (m *Machine) Edges(now time.Duration) []Edge {
	m.expire(now)
	edges := make([]Edge, 0, len(m.own))
	for p, e := range m.own {
		edges = append(edges, Edge{p.place, e.run, e.gap, now - e.at})
	}
	slices.SortFunc(edges, func(a, b Edge) int { return strings.Compare(m.places[a.Machine].entry, m.places[b.Machine].entry) })
	m.random.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] })
	return edges
}

// expire forgets edges that are too old.
func (m *Machine) expire(now time.Duration) {
	if now < m.expiry {
		return
	}
	m.expiry = now + Memory
	old := func(_ *peer, e proof) bool {
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
	if m.verdict != nil {
		return *m.verdict
	}
	var pairs []Pair
	me := m.label(m.me)
	for p := range m.own {
		pairs = append(pairs, Pair{me, p.entry})
	}
	for accused, by := range m.accusers {
		if !m.countable(accused) {
			continue
		}
		for who := range by {
			pair := Pair{who.entry, accused.entry}
			if accused == m.me {
				pair.B = me
			}
			pairs = append(pairs, pair)
		}
	}
	v := Convict(pairs, m.Faulty())
	m.verdict = &v
	return v
}

// countable reports whether an accused is certainly one machine, and another one than all others that are accused. As long as it is not known which
// entry is this machine, one that has not answered may be.
func (m *Machine) countable(p *peer) bool {
	return p == m.me || p.counts() && (p.run != 0 || m.located)
}

// label is what a machine is called in all that is shown: its entry, since a machine may call itself as it likes.
func (m *Machine) label(p *peer) string {
	if p != m.me {
		return p.entry
	}
	for _, p := range m.peers {
		if p.located {
			return p.entry
		}
	}
	return m.me.name
}

// Alone returns the machines that this machine contradicts by its own exchanges, sorted, if they are more than may be wrong. Then this
// machine is wrong itself, or the assumption has failed.
func (m *Machine) Alone(now time.Duration) (labels []string) {
	m.expire(now)
	if len(m.own) <= m.Faulty() {
		return nil
	}
	for p := range m.own {
		labels = append(labels, m.label(p))
	}
	slices.Sort(labels)
	return labels
}
