package fleet

import (
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// peer is what is known of one entry.
type peer struct {
	entry string
	name  string // as it has answered; empty before
	run   Run

	self    bool   // the entry is this machine
	twice   string // the entry that leads to the same machine
	trouble string // in words, empty for none

	askedRound, heardRound int // 0 for never
	heard                  time.Duration
	history                uint32 // of the last requests, the newest in the lowest bit, 1 for a reply
	asked                  int

	compared         bool
	comparedAt       time.Duration
	comparison       Comparison
	roundTrip        time.Duration
	machines, faulty int
	noAnswer         bool // its clock had none

	reported []string // the machines that it has edges with
}

// counts reports whether the entry is a machine of its own beside this one.
func (p *peer) counts() bool { return !p.self && p.twice == "" }

const historyLength = 32

// answered returns how many of the last requests had a reply, and how many there were.
func (p *peer) answered() (replies, requests int) {
	return bits.OnesCount32(p.history), min(p.asked, historyLength)
}

func (p *peer) note(reply bool) {
	p.history <<= 1
	if reply {
		p.history |= 1
	}
	p.asked++
}

// Unanswered says that a request had no reply, and why if that is known.
func (m *Machine) Unanswered(entry, why string) {
	if p := m.at[entry]; p != nil {
		p.note(false)
		if why != "" {
			p.trouble = why
		}
	}
}

// Answered takes in an exchange.
func (m *Machine) Answered(entry string, now time.Duration, e Exchange) {
	p, r := m.at[entry], e.Reply
	if p == nil {
		return
	}
	m.expire(now)
	p.note(true)
	p.heard, p.heardRound, p.trouble = now, m.round, ""
	switch {
	case r.Name == m.name && r.Run == m.run:
		m.Myself(entry)
		return
	case r.Name == m.name:
		p.trouble = fmt.Sprintf("it calls itself %s, as this machine does, so the two are not compared: give each a name of its own", r.Name)
		m.forgetName(p)
		return
	case !m.identify(p, r):
		return
	}
	p.machines, p.faulty, p.roundTrip = r.Machines, r.Faulty, e.RoundTrip
	p.noAnswer = !r.Interval.Valid()
	if !p.noAnswer && e.Before.Valid() && e.After.Valid() {
		p.compared, p.comparedAt, p.comparison = true, now, Compare(e.Before, e.After, r.Interval)
		if gap := p.comparison.Gap(); gap != 0 {
			if _, known := m.own[p.name]; !known {
				m.verdict = nil
			}
			m.own[p.name] = proof{p.run, gap, now}
			m.expiry = min(m.expiry, now+Memory)
		}
	}
	m.takeReports(p, now, r)
}

// identify finds out who has answered. It reports whether that is a machine that no other entry leads to.
func (m *Machine) identify(p *peer, r Reply) bool {
	other := m.named[r.Name]
	switch {
	case other == p && p.run == r.Run:
		return true
	case other == p:
		m.restarted(p, r.Run)
		return true
	case other != nil && other.run == r.Run:
		p.trouble = fmt.Sprintf("it leads to the same machine as %s, %s, which is asked there: name each machine once", other.entry, r.Name)
		m.forgetName(p)
		p.twice = other.entry
		m.count()
		return false
	case other != nil:
		p.trouble = fmt.Sprintf("it calls itself %s, as the machine at %s does, so it is not compared: give each a name of its own", r.Name, other.entry)
		m.forgetName(p)
		return false
	}
	again := p.twice != ""
	m.forgetName(p)
	p.name, p.run = r.Name, r.Run
	m.named[p.name] = p
	m.forgetOtherRuns(p)
	if again {
		m.count()
	}
	return true
}

// restarted forgets what was known of an earlier run of a machine.
func (m *Machine) restarted(p *peer, run Run) {
	m.forgetReports(p)
	p.run, p.compared = run, false
	m.forgetOtherRuns(p)
}

// forgetOtherRuns forgets the edges with a machine that belong to other runs of it than the one that has just answered. What others have
// proved of it meanwhile is about that run.
func (m *Machine) forgetOtherRuns(p *peer) {
	if own, known := m.own[p.name]; known && own.run != p.run {
		delete(m.own, p.name)
		m.verdict = nil
	}
	for who, e := range m.accusers[p.name] {
		if e.run != p.run {
			m.forgetReport(who, p.name)
		}
	}
}

// forgetName forgets which machine an entry leads to, and what that machine has reported and was found out.
func (m *Machine) forgetName(p *peer) {
	if p.name != "" && m.named[p.name] == p {
		m.forgetReports(p)
		delete(m.named, p.name)
		if _, known := m.own[p.name]; known {
			delete(m.own, p.name)
			m.verdict = nil
		}
	}
	p.name, p.run, p.compared, p.twice = "", 0, false, ""
}

// takeReports takes in which edges a machine has proved.
func (m *Machine) takeReports(p *peer, now time.Duration, r Reply) {
	kept := p.reported
	if r.Complete {
		kept = nil
	}
	for _, e := range r.Edges {
		at := now - max(e.Age, 0)
		if e.Machine == p.name || at+Memory <= now || m.outOfDate(e, at) || slices.Contains(kept, e.Machine) && m.accusers[e.Machine][p.name].at > at {
			continue
		}
		if !slices.Contains(kept, e.Machine) {
			if len(kept) >= m.counted { // there are no more machines
				break
			}
			kept = append(slices.Clip(kept), e.Machine)
		}
		by := m.accusers[e.Machine]
		if by == nil {
			by = map[string]proof{}
			m.accusers[e.Machine] = by
		}
		if _, known := by[p.name]; !known {
			m.verdict = nil
		}
		by[p.name] = proof{e.Run, e.Gap, at}
		m.expiry = min(m.expiry, at+Memory)
	}
	for _, machine := range p.reported {
		if !slices.Contains(kept, machine) {
			m.forgetReport(p.name, machine)
		}
	}
	p.reported = kept
}

// outOfDate reports whether an edge that was proved at a time is about a run that is over: the machine has answered since, as another
// one.
func (m *Machine) outOfDate(e Edge, at time.Duration) bool {
	if e.Machine == m.name {
		return e.Run != m.run
	}
	p := m.named[e.Machine]
	return p != nil && p.run != e.Run && p.heard >= at
}

func (m *Machine) forgetReports(p *peer) {
	for _, machine := range p.reported {
		m.forgetReport(p.name, machine)
	}
	p.reported = nil
}

func (m *Machine) forgetReport(who, accused string) {
	if _, known := m.accusers[accused][who]; known {
		delete(m.accusers[accused], who)
		m.verdict = nil
	}
	if len(m.accusers[accused]) == 0 {
		delete(m.accusers, accused)
	}
}

// ReceiverOf returns whom a request to an entry is for: the machine that has answered there, or nobody in particular, an empty name, if none has for
// a while, as another one may be there by now.
func (m *Machine) ReceiverOf(entry string) string {
	p := m.at[entry]
	if p == nil || p.history&(1<<silentFirst-1) == 0 {
		return ""
	}
	return p.name
}

// Entries returns where the peers are asked, sorted.
func (m *Machine) Entries() []string {
	entries := make([]string, len(m.peers))
	for i, p := range m.peers {
		entries[i] = p.entry
	}
	return entries
}
