package fleet

import (
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// peer is what is known of one entry, or this machine itself.
type peer struct {
	entry string
	place Place
	name  string // as it has answered; empty before
	run   Run    // 0 before it has answered

	self    bool   // the entry leads to this machine
	located bool   // and has its address
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

	reported []*peer // that it has edges with
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
		if p.self && !p.located && p.isSilent() {
			m.isAnother(p)
		}
	}
}

// ReceiverOf returns the name of whom a request to an entry is for: the machine that has answered there, or nobody in particular, an empty name, if none has for
// a while, as another one may be there by now.
func (m *Machine) ReceiverOf(entry string) string {
	p := m.at[entry]
	if p == nil || p.history&(1<<silentFirst-1) == 0 {
		return ""
	}
	return p.name
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
	if p.located {
		return
	}
	if r.Run == m.me.run {
		if !p.self {
			m.isSelf(p) // or says so, and then is compared with nobody
		}
		return
	}
	if p.self {
		m.isAnother(p)
	}
	if !m.identify(p, r.Run) {
		m.rename(p, "")
		return
	}
	m.rename(p, r.Name)
	p.machines, p.faulty, p.roundTrip = r.Machines, r.Faulty, e.RoundTrip
	p.noAnswer = !r.Interval.Valid()
	if !p.noAnswer && e.Before.Valid() && e.After.Valid() {
		p.compared, p.comparedAt, p.comparison = true, now, Compare(e.Before, e.After, r.Interval)
		if gap := p.comparison.Gap(); gap != 0 {
			if _, known := m.own[p]; !known {
				m.verdict = nil
			}
			m.own[p] = proof{p.run, gap, now}
			m.expiry = min(m.expiry, now+Memory)
		}
	}
	m.takeReports(p, now, r)
}

// rename notes what a machine calls itself.
func (m *Machine) rename(p *peer, name string) {
	if p.name == name {
		return
	}
	if m.names[p.name]--; m.names[p.name] <= 0 {
		delete(m.names, p.name)
	}
	if p.name = name; name != "" {
		m.names[name]++
	}
}

// sameName reports whether another machine has the name of a peer.
func (m *Machine) sameName(p *peer) bool { return m.names[p.name] > 1 }

// identify finds out which run has answered. It reports whether that is a machine that no other entry leads to.
func (m *Machine) identify(p *peer, run Run) bool {
	if p.run != run {
		m.forgetRun(p)
		p.run = run
		m.verdict = nil // it may not have counted before
	}
	if other := m.runs[run]; other != nil && other != p {
		if p.twice != other.entry {
			p.twice = other.entry
			m.closeRing()
		}
		m.forgetOwn(p)
		m.forgetReports(p)
		return false
	}
	m.runs[run] = p
	if p.twice != "" {
		p.twice = ""
		m.closeRing()
	}
	if own, known := m.own[p]; known && own.run != run {
		m.forgetOwn(p)
	}
	for who, e := range m.accusers[p] {
		if e.run != run { // what others have proved of this run meanwhile stays
			m.forgetReport(who, p)
		}
	}
	return true
}

// forgetRun forgets what was known of a run of a machine: it is over, or of no other machine than this one.
func (m *Machine) forgetRun(p *peer) {
	m.forgetReports(p)
	if m.runs[p.run] == p {
		delete(m.runs, p.run)
	}
	p.run, p.compared = 0, false
}

func (m *Machine) forgetOwn(p *peer) {
	if _, known := m.own[p]; known {
		delete(m.own, p)
		m.verdict = nil
	}
}

// takeReports takes in which edges a machine has proved.
func (m *Machine) takeReports(p *peer, now time.Duration, r Reply) {
	kept := p.reported
	if r.Complete {
		kept = nil
	}
	for _, e := range r.Edges {
		accused, at := m.places[e.Machine], now-max(e.Age, 0)
		if accused != nil && accused.located { // not one that says it is this machine: anybody can
			accused = m.me
		}
		if accused == nil || accused == p || at+Memory <= now || accused.outOfDate(e.Run, at) {
			continue
		}
		if !slices.Contains(kept, accused) {
			kept = append(slices.Clip(kept), accused)
		} else if m.accusers[accused][p].at > at {
			continue
		}
		by := m.accusers[accused]
		if by == nil {
			by = map[*peer]proof{}
			m.accusers[accused] = by
		}
		if _, known := by[p]; !known {
			m.verdict = nil
		}
		by[p] = proof{e.Run, e.Gap, at}
		m.expiry = min(m.expiry, at+Memory)
	}
	for _, accused := range p.reported {
		if !slices.Contains(kept, accused) {
			m.forgetReport(p, accused)
		}
	}
	p.reported = kept
}

// outOfDate reports whether an edge with a run of the machine that was proved at a time is over: the machine has answered since, as another
// run. This one answers all the time.
func (p *peer) outOfDate(run Run, at time.Duration) bool {
	return p.run != 0 && p.run != run && (p.entry == "" || p.heard >= at)
}

func (m *Machine) forgetReports(p *peer) {
	for _, accused := range p.reported {
		m.forgetReport(p, accused)
	}
	p.reported = nil
}

func (m *Machine) forgetReport(who, accused *peer) {
	if _, known := m.accusers[accused][who]; known {
		delete(m.accusers[accused], who)
		m.verdict = nil
	}
	if len(m.accusers[accused]) == 0 {
		delete(m.accusers, accused)
	}
}

// troubleText says what is the matter with a machine that answers, and empty for nothing.
func (m *Machine) troubleText(p *peer) string {
	switch {
	case p.trouble != "":
		return p.trouble
	case p.twice != "":
		return fmt.Sprintf("it leads to the same machine as %s, and is asked there: name each machine once", p.twice)
	case m.sameName(p) && p.name == m.me.name:
		return fmt.Sprintf("it calls itself %s, as this machine does: give each a name of its own", p.name)
	case m.sameName(p):
		return fmt.Sprintf("it calls itself %s, as another machine does: give each a name of its own", p.name)
	}
	return ""
}
