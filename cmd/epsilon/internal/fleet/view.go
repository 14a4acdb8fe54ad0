package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// View is what a machine knows of its fleet, as it is shown.
type View struct {
	Name             string // of this machine
	Entry            string // of this machine in the list of peers, or its name if it is not known to be there
	Machines, Faulty int    // how many there are, this one included, and how many may be wrong

	Peers          []PeerView      // in the order of their entries
	Contradictions []Contradiction // those of this machine first, then by who has proved them
	Convicted      []Conviction
	TooMany        bool     // more machines are wrong than may be, so nobody is convicted
	Alone          []string `json:",omitempty"` // the machines that this one contradicts by its own exchanges, if they are more than may be wrong

	Problems []Problem // whatever somebody should know or do
}

// IsSilent reports whether a peer does not answer, or does no longer.
func (v View) IsSilent(entry string) bool {
	return slices.ContainsFunc(v.Problems, func(p Problem) bool { return p.ID == "silent "+entry })
}

// PeerView is what is known of one entry of the list of peers.
type PeerView struct {
	Entry  string
	Name   string `json:",omitempty"` // as it calls itself
	Self   bool   `json:",omitempty"` // it is this machine
	SameAs string `json:",omitempty"` // the entry that leads to the same machine

	Requests, Replies int           // of the last 32
	Heard             time.Duration // since the last reply; −1 if there was none
	Compared          time.Duration // since the last comparison; −1 if there was none
	Offset            Comparison    // of the peer's clock from this machine's: what the last comparison has shown
	RoundTrip         time.Duration
	NoAnswer          bool `json:",omitempty"` // its clock had no answer

	Contradicts bool `json:",omitempty"` // there is an edge between this machine and the peer
	Machines    int  // as the peer counts them
	Faulty      int
}

// IsCompared reports whether the last comparison counts: for as long as an edge does, while the peer's clock has an answer.
func (p PeerView) IsCompared() bool {
	return p.Compared >= 0 && p.Compared <= Memory && !p.NoAnswer && !p.Self && p.SameAs == ""
}

// Contradiction is an edge, and who has proved it: both are entries of the list of peers.
type Contradiction struct {
	By, Machine string
	Gap         time.Duration // how far the clock of Machine was ahead of that of By at least, or behind if it is negative
	Age         time.Duration // since it was last proved
}

// Problem is one sentence. As long as it lasts its ID stays the same, while the sentence may change.
type Problem struct {
	ID   string
	Text string
}

// IsProof reports whether it is proved that some machine is wrong.
func (p Problem) IsProof() bool {
	return strings.HasPrefix(p.ID, "convicted ") || p.ID == "alone" || p.ID == "too many"
}

// View returns what is known.
func (m *Machine) View(now time.Duration) View {
	verdict := m.Verdict(now)
	v := View{Name: m.me.name, Entry: m.label(m.me), Machines: m.Machines(), Faulty: m.Faulty(), Peers: []PeerView{}, Contradictions: []Contradiction{},
		Convicted: verdict.Convicted, TooMany: verdict.TooMany, Alone: m.Alone(now), Problems: []Problem{}}
	if v.Convicted == nil {
		v.Convicted = []Conviction{}
	}
	for _, p := range m.peers {
		s := PeerView{Entry: p.entry, Name: p.name, Self: p.self, SameAs: p.twice, Heard: -1, Compared: -1, RoundTrip: p.roundTrip, NoAnswer: p.noAnswer,
			Machines: p.machines, Faulty: p.faulty}
		s.Replies, s.Requests = p.answered()
		if p.heardRound > 0 {
			s.Heard = now - p.heard
		}
		if p.compared {
			s.Compared, s.Offset = now-p.comparedAt, p.comparison
		}
		_, s.Contradicts = m.own[p]
		v.Peers = append(v.Peers, s)
	}
	for p, e := range m.own {
		v.Contradictions = append(v.Contradictions, Contradiction{v.Entry, p.entry, e.gap, now - e.at})
	}
	for accused, by := range m.accusers {
		for who, e := range by {
			if m.countable(accused) {
				v.Contradictions = append(v.Contradictions, Contradiction{m.label(who), m.label(accused), e.gap, now - e.at})
			}
		}
	}
	slices.SortFunc(v.Contradictions, func(a, b Contradiction) int {
		mine := func(c Contradiction) int {
			if c.By == v.Entry {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(mine(a), mine(b)), strings.Compare(a.By, b.By), strings.Compare(a.Machine, b.Machine))
	})
	v.Problems = m.problems(v)
	return v
}

// problems says in sentences what somebody should know or do: first what is said of all or of this machine, as there may not be room for all of them.
func (m *Machine) problems(v View) []Problem {
	all := []Problem{}
	add := func(id, format string, values ...any) { all = append(all, Problem{id, fmt.Sprintf(format, values...)}) }
	switch {
	case v.TooMany:
		add("too many", "more machines are wrong than the %d of %d that may be, so nobody can say which: %s", v.Faulty, v.Machines, pairsText(v.Contradictions))
	case len(v.Alone) > 0:
		add("alone", "THIS MACHINE'S CLOCK IS WRONG, if at most %d of %d are: it contradicts %s, as this machine has found itself; see \"epsilon status\" for what it follows",
			v.Faulty, v.Machines, list(v.Alone))
	case slices.ContainsFunc(v.Convicted, func(c Conviction) bool { return c.Machine == v.Entry }):
		i := slices.IndexFunc(v.Convicted, func(c Conviction) bool { return c.Machine == v.Entry })
		add("convicted "+v.Entry, "THIS MACHINE'S CLOCK IS WRONG: others report that it contradicts %s, and at most %d of them may be wrong", list(v.Convicted[i].Contradicts), v.Convicted[i].Faulty)
	case len(v.Convicted) == 0 && len(v.Contradictions) > 0:
		add("contradiction", "one of each two is wrong, and more than %d have to contradict the same machine before it is known which: %s", v.Faulty, pairsText(v.Contradictions))
	}
	for _, c := range v.Convicted {
		if c.Machine == v.Entry {
			continue
		}
		add("convicted "+c.Machine, "%s", m.convictionText(c, v))
	}
	if v.Machines < 3 {
		add("small", "a fleet of %d can find that one machine is wrong and not which: list at least three, the same on all of them", v.Machines)
	}
	for _, p := range m.peers {
		all = append(all, m.peerProblems(p)...)
	}
	return append(all, m.lossProblem()...)
}

func (m *Machine) convictionText(c Conviction, v View) string {
	title := c.Machine
	if p := m.at[c.Machine]; p != nil {
		title = p.title()
	}
	text := fmt.Sprintf("%s is wrong: its clock contradicts those of %s, which are more than the %d that may be wrong", title, list(c.Contradicts), v.Faulty)
	if c.Faulty < v.Faulty {
		text = fmt.Sprintf("%s is wrong: its clock contradicts those of %s, and of these at most %d may be wrong, as the others that may be are known", title, list(c.Contradicts), c.Faulty)
	}
	for _, e := range v.Contradictions {
		if e.Machine == c.Machine {
			return text + fmt.Sprintf("; it is %s of that of %s", aheadText(e.Gap), e.By)
		}
	}
	return text
}

func aheadText(gap time.Duration) string {
	unit := time.Microsecond
	switch size := gap.Abs(); {
	case size > time.Second:
		unit = time.Millisecond
	case size < time.Microsecond:
		unit = time.Nanosecond
	}
	if gap < 0 {
		return fmt.Sprintf("at least %v behind", (-gap).Truncate(unit))
	}
	return fmt.Sprintf("at least %v ahead", gap.Truncate(unit))
}

const mostListed = 4

// list names machines, and counts those for which there is no room.
func list(names []string) string {
	if len(names) > mostListed {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostListed], ", "), len(names)-mostListed)
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func pairsText(edges []Contradiction) string {
	seen, names := map[Pair]bool{}, []string{}
	for _, e := range edges {
		p := Pair{min(e.By, e.Machine), max(e.By, e.Machine)}
		if !seen[p] {
			seen[p] = true
			names = append(names, p.A+" – "+p.B)
		}
	}
	return list(names)
}

// A peer is silent after so many requests in a row without a reply. Of a path that loses half of all exchanges that is seldom chance.
const (
	silentSince = 8 // if it has answered before
	silentFirst = 3
)

func (p *peer) isSilent() bool {
	n := silentFirst
	if p.heardRound > 0 {
		n = silentSince
	}
	return p.asked >= n && p.history&(1<<n-1) == 0
}

func (p *peer) title() string {
	if host, _, _ := strings.Cut(p.entry, ":"); p.name == "" || p.name == host {
		return p.entry
	}
	return fmt.Sprintf("%s (%s)", p.entry, p.name)
}

func (m *Machine) peerProblems(p *peer) (all []Problem) {
	add := func(id, format string, values ...any) {
		all = append(all, Problem{id + " " + p.entry, p.title() + " " + fmt.Sprintf(format, values...)})
	}
	trouble := m.troubleText(p)
	switch {
	case p.self:
	case p.isSilent() && p.trouble != "":
		add("silent", "does not answer: %s", p.trouble)
	case p.isSilent():
		add("silent", "does not answer: does its daemon run, is its UDP port open to this machine, and has it the same key and the same peers?")
	case trouble != "":
		add("trouble", "has a problem: %s", trouble)
	case p.machines > 0 && (p.machines != m.Machines() || p.faulty != m.Faulty()):
		add("counts", "counts %d machines, of which %d may be wrong, and this machine %d and %d: give all the same peers and faulty", p.machines, p.faulty, m.Machines(), m.Faulty())
	}
	return all
}

// Loss is told from lossBegins on until it is below lossEnds, over all peers that are not silent, if there were enough requests to tell it from
// chance.
const (
	lossBegins   = 10 // percent
	lossEnds     = 5
	lossRequests = 60
)

func (m *Machine) lossProblem() []Problem {
	replies, requests := 0, 0
	for _, p := range m.peers {
		if r, n := p.answered(); r > 0 && !p.isSilent() {
			replies, requests = replies+r, requests+n
		}
	}
	lost := (requests - replies) * 100
	m.lossy = lost >= lossBegins*requests || m.lossy && lost >= lossEnds*requests
	if requests < lossRequests || !m.lossy {
		return nil
	}
	return []Problem{{"loss", fmt.Sprintf("%d of the last %d requests to machines that do answer had no reply, as the network loses datagrams: what is proved stays right, and takes longer to be proved",
		requests-replies, requests)}}
}
