package main

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/discipline"
)

// experiment is one site, and for how long it is watched.
type experiment struct {
	machines     int
	base, jitter time.Duration // of the ways to the servers: the shortest round trip, and what is added to each way on average
	queue        queue
	poll         time.Duration
	polls        int
	seed         uint64
	lie          lie
	atLimit      bool // counters run as fast or as slow as is declared, servers are off by what they claim, and neighbours may be no way apart
}

// watched is how many machines' clocks are read: not the last one's, which may be wrong.
func (e experiment) watched() int { return min(3, e.machines-1) }

// servingFrom is the first of the machines that serve NTP to the others, the last ones of a site that is large enough.
func (e experiment) servingFrom() int {
	if e.machines < 3+servers {
		return nobody
	}
	return e.machines - servers
}

const nobody = -1

func (e experiment) rate(rng *rand.Rand) float64 {
	if e.atLimit {
		return []float64{-declaredPPB, declaredPPB}[rng.IntN(2)] * 1e-9
	}
	return realRate * (2*rng.Float64() - 1)
}

// warmUp is how many polls go by before clocks are read, and readEvery is the time between reads, which beats with no poll.
const (
	warmUp    = 8
	readEvery = 97 * time.Millisecond
)

// site is an experiment under way.
type site struct {
	*network
	all    []*machine
	now    instant
	end    instant
	events events
}

func (e experiment) run() result {
	s := &site{network: newNetwork(e), end: instant(e.polls+warmUp) * after(e.poll)}
	for i := range e.machines {
		s.all = append(s.all, newMachine(i, e, s.rng))
	}
	e.lie.corrupt(s.all[e.machines-1])
	for _, m := range s.all {
		s.begin(m)
	}
	s.play()
	return s.result()
}

// play has happen all that is planned, until the end.
func (s *site) play() {
	for s.events.Len() > 0 {
		next := heap.Pop(&s.events).(event)
		if s.now = next.at; s.now > s.end {
			break
		}
		next.happen()
	}
}

// begin plans all that a machine does.
func (s *site) begin(m *machine) {
	watched := m.index < s.watched()
	for server := range servers {
		s.again(s.poll, func() { s.ask(m, server, alone, direct, guarded, relayed, steady, both) })
		if watched {
			s.again(max(s.poll/time.Duration(s.machines), oftenLeast), func() { s.ask(m, server, often) })
		}
	}
	for k := range s.all {
		if watched && k != m.index {
			s.again(askEvery, func() { s.askNeighbour(m, k, alone, direct, guarded, both) })
		}
	}
	for range min(fleetAsks, s.machines-1) {
		s.again(askEvery, func() {
			other := (m.index + 1 + s.rng.IntN(s.machines-1)) % s.machines
			s.askNeighbour(m, other, relayed, relayed)
		})
	}
	if first := s.servingFrom(); first != nobody {
		for i := range servers {
			if m.index >= first {
				s.again(askEvery, func() { s.ask(m, i, served) })
			} else if watched {
				s.again(askEvery, func() { s.askServing(m, i, s.all[first+i]) })
			}
		}
	}
	if watched {
		s.every(after(readEvery), s.end-instant(s.polls)*after(s.poll), func() { m.look(s.now) })
	}
}

// again has something happen about every so often, later by up to a tenth, as polls are.
func (s *site) again(interval time.Duration, do func()) {
	var next func()
	next = func() {
		do()
		s.at(s.now+instant(float64(after(interval))*(1+0.1*s.rng.Float64())), next)
	}
	s.at(instant(s.rng.Float64()*float64(after(interval))), next)
}

func (s *site) every(interval, first instant, do func()) {
	s.at(first, func() {
		do()
		s.every(interval, s.now+interval, do)
	})
}

// ask is an exchange with a server (design, 5.1), of which these clocks of the machine hear.
func (s *site) ask(m *machine, server int, clocks ...variant) {
	s.exchange(m, server, clocks, func() {})
}

// exchange is the same, and what happens when the reply has come.
func (s *site) exchange(m *machine, server int, clocks []variant, then func()) {
	m.asked++
	sent, epochs := m.read(s.now), m.epochs()
	leaves, t2, t3 := s.serve(server, s.now+s.toServer(server, s.now))
	s.at(leaves+s.toMachine(server, leaves), func() {
		received := m.read(s.now)
		f := discipline.Facts{
			Upper: discipline.Point{At: sent, Time: t2 + int64(claim)},
			Lower: discipline.Point{At: received, Time: t3 - int64(claim)},
			Claim: int64(claim),
		}
		for _, v := range clocks {
			if m.clocks[v] != nil {
				m.use(v, server, f, epochs[v], received)
			}
		}
		then()
	})
}

// askNeighbour is an exchange with another machine, which tells what its clock from knows of each server. These clocks hear of it.
func (s *site) askNeighbour(m *machine, k int, from variant, clocks ...variant) {
	a1, epochs, other := m.read(s.now), m.epochs(), s.all[k]
	s.at(s.now+s.near(m.index, k), func() {
		var answer [servers]told
		for server := range servers {
			answer[server] = other.lie.tells(tell(other.clocks[from], server, other.read(s.now)), s.now)
		}
		s.at(s.now+s.near(m.index, k), func() {
			a4 := m.read(s.now)
			for server, t := range answer {
				if !t.ok {
					continue
				}
				f := carried(a1, t, a4)
				for _, v := range clocks {
					if v == guarded {
						s.hearGuarded(m, k, server, f, epochs[v])
					} else {
						m.use(v, server, f, epochs[v], a4)
					}
				}
			}
		})
	})
}

// askServing is an exchange with a machine that serves NTP, and is the ith vote. It claims its ε and the quanta of NTP's fields.
func (s *site) askServing(m *machine, i int, other *machine) {
	a1, epoch := m.read(s.now), m.clocks[served].Epoch()
	s.at(s.now+s.near(m.index, other.index), func() {
		t := other.lie.tells(other.answer(other.read(s.now)), s.now)
		t.Lo, t.Hi = t.Lo-int64(claim-serverError), t.Hi+int64(claim-serverError)
		s.at(s.now+s.near(m.index, other.index), func() {
			if a4 := m.read(s.now); t.ok {
				m.use(served, i, carried(a1, t, a4), epoch, a4)
			}
		})
	})
}

// hearGuarded gives the clock what the neighbours say together.
func (s *site) hearGuarded(m *machine, k, server int, f discipline.Facts, epoch uint64) {
	if now := m.clocks[guarded].Epoch(); m.panel.epoch != now {
		m.panel.forget(s.machines, now)
	}
	if epoch != m.panel.epoch {
		return
	}
	m.panel.take(server, k, f)
	if f, ok := m.panel.fact(server, f.Lower.At); ok {
		m.use(guarded, server, f, epoch, f.Lower.At)
	}
}

func (s *site) at(at instant, do func()) {
	s.events.sequence++
	heap.Push(&s.events, event{at, s.events.sequence, do})
}

type event struct {
	at       instant
	sequence uint64 // those of one moment happen in the order in which they were planned
	happen   func()
}

// events are a heap, the next one first.
type events struct {
	all      []event
	sequence uint64
}

func (e *events) Len() int { return len(e.all) }
func (e *events) Less(i, j int) bool {
	a, b := e.all[i], e.all[j]
	return a.at < b.at || a.at == b.at && a.sequence < b.sequence
}
func (e *events) Swap(i, j int) { e.all[i], e.all[j] = e.all[j], e.all[i] }
func (e *events) Push(x any)    { e.all = append(e.all, x.(event)) }
func (e *events) Pop() any {
	last := len(e.all) - 1
	next := e.all[last]
	e.all[last] = event{}
	e.all = e.all[:last]
	return next
}
