package statuspage

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/inwords"
)

// How much of a fleet is sent each second. What is above is counted.
const (
	MaxMembers       = 200
	MaxMatrix        = 24 // machines of which each pair is shown
	MaxNamed         = 3  // machines that one is said to contradict, where not each pair is shown
	MaxFleetProblems = 4  // that are not of one machine, or are a proof
)

// Fleet is what this machine knows of those that it compares its clock with. Machines are called by their entries in the list of peers.
type Fleet struct {
	Machines  int  // this one included
	Faulty    int  // how many of them may be wrong
	Answering int  // how many of the others do
	Convicted int  // how many are proved wrong
	TooMany   bool // more are wrong than may be, so nobody is convicted
	Wrong     bool // this machine is, if no more are than may be

	Problems []FleetProblem // at most MaxFleetProblems
	Members  []Member       // this machine, then those with which something is the matter, then all others; at most MaxMembers
	Edges    []Edge         // all that are known; nil if there are more than MaxMatrix machines

	ProblemsLeftOut, MembersLeftOut int
}

// FleetProblem is a sentence.
type FleetProblem struct {
	Text  string
	Proof bool // of a machine that is wrong, or of too many
}

// Member is a machine.
type Member struct {
	Entry string
	Name  string `json:",omitempty"` // as it calls itself

	Self      bool `json:",omitempty"` // it is this one
	Convicted bool `json:",omitempty"`
	Apart     bool `json:",omitempty"` // it says that it is this machine, or another one, and is compared with nobody

	Edges       int      // how many machines it contradicts
	Open        int      // how many of these contradictions no conviction explains
	Against     bool     `json:",omitempty"` // it contradicts this machine
	Contradicts []string `json:",omitempty"` // the first MaxNamed machines that it contradicts

	Answers           bool
	NoAnswer          bool `json:",omitempty"` // its clock has none
	Requests, Replies int
	RoundTrip         time.Duration
	Compared          time.Duration // since the last comparison; −1 if there was none
	Offset            *span         `json:",omitempty"` // of its clock from this machine's, as the last comparison has shown

	Problem string `json:",omitempty"`
}

// Compare says that the clock of a machine was ahead of this one's by least to most.
func (m *Member) Compare(least, most time.Duration) { m.Offset = &span{least, most} }

// Edge is a proof that two clocks contradict each other: both are indices of members.
type Edge struct {
	By, With int           // the machine that has proved it, and the other one
	Gap      time.Duration // how far the clock of With was ahead at least, or behind if it is negative
	Age      time.Duration
}

// fleetWords is what a fleet says in words.
type fleetWords struct {
	Title   string
	Grade   grade
	Members []memberWords // as in the fleet
}

type memberWords struct {
	Grade   grade
	Verdict string

	Compared bool // it was compared with this machine within an hour, by which both can be right
}

// comparedLately is how long a comparison counts: as long as an edge does.
const comparedLately = time.Hour

func (m Member) isCompared() bool {
	return m.Offset != nil && m.Compared >= 0 && m.Compared <= comparedLately && !m.NoAnswer && !m.Apart
}

func wordsOfFleet(f *Fleet) *fleetWords {
	if f == nil {
		return nil
	}
	w := &fleetWords{Members: []memberWords{}}
	w.Title, w.Grade = fleetTitle(f)
	for _, m := range f.Members {
		words := wordsOfMember(m)
		words.Compared = m.isCompared() && m.Offset.From <= 0 && m.Offset.To >= 0
		w.Members = append(w.Members, words)
	}
	return w
}

func fleetTitle(f *Fleet) (string, grade) {
	compared, open, convicted := 0, false, ""
	for _, m := range f.Members {
		open = open || m.Open > 0
		if m.isCompared() {
			compared++
		}
		if m.Convicted {
			convicted = m.Entry
		}
	}
	others := f.Machines - 1
	switch {
	case f.TooMany:
		return "More machines are wrong than may be", bad
	case f.Wrong && f.Convicted > 1:
		return fmt.Sprintf("%d machines are wrong, and this is one of them", f.Convicted), bad
	case f.Wrong:
		return "This machine's clock is wrong", bad
	case f.Convicted > 1:
		return fmt.Sprintf("%d machines are proved wrong", f.Convicted), bad
	case f.Convicted == 1:
		return inwords.Clip(convicted) + " is proved wrong", bad
	case open:
		return "Some contradict each other, and it is not proved who is wrong", warning
	case compared == 0:
		return "This machine's clock has not been compared with another one lately", warning
	case f.Answering < others:
		return fmt.Sprintf("No two are known to contradict each other, but %d of %d do not answer", others-f.Answering, others), warning
	}
	return "No two are known to contradict each other", good
}

func wordsOfMember(m Member) memberWords {
	contradicts := fmt.Sprintf("contradicts %d others", m.Edges)
	if m.Edges == 1 {
		contradicts = "contradicts another one"
	}
	switch {
	case m.Self && m.Convicted:
		return memberWords{Grade: bad, Verdict: "this machine, proved wrong"}
	case m.Convicted:
		return memberWords{Grade: bad, Verdict: "proved wrong"}
	case m.Self && m.Open > 0:
		return memberWords{Grade: warning, Verdict: "this machine, " + contradicts}
	case m.Self:
		return memberWords{Grade: neither, Verdict: "this machine"}
	case m.Open > 0:
		return memberWords{Grade: warning, Verdict: contradicts}
	case m.Apart:
		return memberWords{Grade: warning, Verdict: "compared with nobody"}
	case !m.Answers:
		return memberWords{Grade: warning, Verdict: "does not answer"}
	case m.Against:
		return memberWords{Grade: neither, Verdict: "contradicts this machine"}
	case m.NoAnswer:
		return memberWords{Grade: neither, Verdict: "its clock has no answer"}
	case !m.isCompared():
		return memberWords{Grade: neither, Verdict: "not compared lately"}
	}
	return memberWords{Grade: good, Verdict: "agrees"}
}
