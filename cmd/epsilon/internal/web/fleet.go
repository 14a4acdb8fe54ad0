package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/internal/inwords"
	"github.com/epsilontime/epsilon/internal/statuspage"
)

// FleetOf returns what the page shows of a fleet, nil for none. However large the fleet is, it is no more than fits into a message of each second.
func FleetOf(f *api.Fleet) *statuspage.Fleet {
	if f == nil {
		return nil
	}
	s := &statuspage.Fleet{Machines: f.Machines, Faulty: f.Faulty, TooMany: f.TooMany, Problems: []statuspage.FleetProblem{}}
	convicted := map[string]bool{}
	for _, c := range f.Convicted {
		convicted[c.Machine] = true
	}
	s.Wrong = !f.TooMany && (len(f.Alone) > 0 || convicted[f.Entry])
	if s.Wrong {
		convicted[f.Entry] = true
	}
	s.Convicted = len(convicted)
	others, silent := map[string]string{}, map[string]bool{} // what is the matter with a machine, and which do not answer
	for _, p := range f.Problems {
		kind, entry, _ := strings.Cut(p.ID, " ")
		silent[entry] = silent[entry] || kind == "silent"
		switch {
		case slices.Contains([]string{"silent", "trouble", "counts"}, kind):
			others[entry] = p.Text
		case len(s.Problems) == statuspage.MaxFleetProblems:
			s.ProblemsLeftOut++
		default:
			s.Problems = append(s.Problems, statuspage.FleetProblem{Text: inwords.Clip(p.Text), Proof: p.IsProof()})
		}
	}
	members := []statuspage.Member{{Entry: f.Entry, Name: f.Name, Self: true, Answers: true, Compared: -1}}
	for _, p := range f.Peers {
		if p.Entry == f.Entry {
			continue
		}
		m := memberOf(p)
		if m.Answers = p.Heard >= 0 && !silent[p.Entry]; m.Answers {
			s.Answering++
		}
		m.Problem = problemText(p, others[p.Entry])
		members = append(members, m)
	}
	neighbours := neighboursOf(f.Contradictions)
	for i := range members {
		m := &members[i]
		m.Convicted = convicted[m.Entry]
		all := neighbours[m.Entry]
		m.Edges, m.Against = len(all), slices.Contains(all, f.Entry)
		if !m.Convicted {
			for _, other := range all {
				if !convicted[other] {
					m.Open++
				}
			}
		}
		if len(members) > statuspage.MaxMatrix {
			m.Contradicts = all[:min(len(all), statuspage.MaxNamed)]
		}
	}
	slices.SortStableFunc(members[1:], func(a, b statuspage.Member) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Entry, b.Entry))
	})
	if len(members) <= statuspage.MaxMatrix {
		s.Edges = edgesOf(f.Contradictions, members)
	}
	s.Members = members[:min(len(members), statuspage.MaxMembers)]
	s.MembersLeftOut = len(members) - len(s.Members)
	return s
}

func memberOf(p fleet.PeerView) statuspage.Member {
	m := statuspage.Member{Entry: p.Entry, Name: p.Name, Apart: p.Self || p.SameAs != "", NoAnswer: p.NoAnswer,
		Requests: p.Requests, Replies: p.Replies, RoundTrip: p.RoundTrip, Compared: p.Compared}
	if p.Compared >= 0 && p.Compared <= fleet.Memory { // one of longer ago says nothing of now
		m.Compare(p.Offset.Least, p.Offset.Most)
	}
	return m
}

// problemText is a problem of a machine without its title, as it stands beside that.
func problemText(p fleet.PeerView, text string) string {
	if p.Self && text == "" {
		return "says that it is this machine, at an address that is not known to be this one's"
	}
	for _, title := range []string{p.Entry + " (" + p.Name + ") ", p.Entry + " "} {
		if rest, found := strings.CutPrefix(text, title); found {
			return inwords.Clip(rest)
		}
	}
	return inwords.Clip(text)
}

// rank is how much a machine has to be seen.
func rank(m statuspage.Member) int {
	switch {
	case m.Convicted:
		return 0
	case m.Open > 0:
		return 1
	case m.Problem != "" || !m.Answers:
		return 2
	}
	return 3
}

// neighboursOf lists for each machine those that it contradicts, sorted.
func neighboursOf(edges []fleet.Contradiction) map[string][]string {
	all := map[string][]string{}
	for _, e := range edges {
		all[e.By] = append(all[e.By], e.Machine)
		all[e.Machine] = append(all[e.Machine], e.By)
	}
	for name, others := range all {
		slices.Sort(others)
		all[name] = slices.Compact(others)
	}
	return all
}

func edgesOf(edges []fleet.Contradiction, members []statuspage.Member) []statuspage.Edge {
	at := map[string]int{}
	for i, m := range members {
		at[m.Entry] = i
	}
	all := []statuspage.Edge{}
	for _, e := range edges {
		by, isMember := at[e.By]
		with, isMemberToo := at[e.Machine]
		if isMember && isMemberToo {
			all = append(all, statuspage.Edge{By: by, With: with, Gap: e.Gap, Age: e.Age})
		}
	}
	return all
}
