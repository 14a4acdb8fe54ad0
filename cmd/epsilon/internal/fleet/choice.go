package fleet

import (
	"cmp"
	"slices"
)

// How often an accused machine is asked out of turn, in rounds: it has to be asked again if it did not answer; and when it has, so that it is soon
// known that it was restarted.
const (
	accusedAgain  = 15 // after it has answered
	accusedRepeat = 3  // after it was asked
)

// selfAgain is after how many rounds an entry that has said it is this machine is asked again: its address is not this machine's, so it may lead elsewhere
// by now, as a name or a forwarded port does.
const selfAgain = 300

// Round begins a round and returns the entries to ask in it: two neighbours in the ring, and k others.
func (m *Machine) Round() []string {
	m.round++
	var chosen []string
	choose := func(p *peer) bool {
		if p == nil || p.self && !m.isDoubtful(p) || slices.Contains(chosen, p.entry) {
			return false
		}
		chosen = append(chosen, p.entry)
		p.askedRound = m.round
		return true
	}
	choose(m.next)
	choose(m.previous)
	others := m.k
	if others > 0 && choose(m.accused()) {
		others--
	}
	for range m.order { // everybody at most once in a round
		if others == 0 {
			break
		}
		if choose(m.order[m.turn]) {
			others--
		}
		m.turn = (m.turn + 1) % len(m.order)
	}
	return chosen
}

// isDoubtful reports whether it has to be found out again if a peer is this machine.
func (m *Machine) isDoubtful(p *peer) bool { return !p.located && m.round-p.heardRound >= selfAgain }

// closeRing finds the neighbours of this machine among all that count, sorted.
func (m *Machine) closeRing() {
	m.next, m.previous = nil, nil
	n := len(m.peers)
	place := slices.IndexFunc(m.peers, func(p *peer) bool { return p.self })
	first := place + 1
	if place < 0 { // it has a place by its name, between two others
		place, _ = slices.BinarySearchFunc(m.peers, m.me.name, func(p *peer, name string) int { return cmp.Compare(p.entry, name) })
		first = place
	}
	for i := range n {
		if p := m.peers[(first+i)%n]; m.next == nil && p.counts() {
			m.next = p
		}
		if p := m.peers[(place-1-i+n)%n]; m.previous == nil && p.counts() {
			m.previous = p
		}
		if m.next != nil && m.previous != nil {
			return
		}
	}
}

// accused returns the machine that most others have an edge with, of those that have not been heard from lately; any of several, and nil if there
// is none.
func (m *Machine) accused() *peer {
	var most []*peer
	accusers := 0
	for p, by := range m.accusers {
		if p == m.me || !p.counts() || p.heardRound > 0 && m.round-p.heardRound < accusedAgain || p.askedRound > 0 && m.round-p.askedRound < accusedRepeat {
			continue
		}
		if len(by) > accusers {
			most, accusers = most[:0], len(by)
		}
		if len(by) == accusers {
			most = append(most, p)
		}
	}
	if len(most) == 0 {
		return nil
	}
	slices.SortFunc(most, func(a, b *peer) int { return cmp.Compare(a.entry, b.entry) })
	return most[m.random.IntN(len(most))]
}
