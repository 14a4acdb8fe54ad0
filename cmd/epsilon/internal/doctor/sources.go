package doctor

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
	"github.com/epsilontime/epsilon/truetime"
)

// What is wrong with the sources: with each of them, and with the choice of them.

// trouble is why sources do not answer, by what their errors say.
var troubles = []struct {
	id, says string // part of an error
	text, do string
}{
	{"no-route", "network is unreachable", "There is no route to %s.", "bring up the network: \"ip route\" shows no way there; in a container, give it a network"},
	{"no-route", "no route to host", "There is no route to %s.", "see \"ip route\" and the firewall between here and there"},
	{"no-name", "no such host", "%s cannot be found: there is no such name.", "correct the name, or see /etc/resolv.conf"},
	{"no-dns", "server misbehaving", "The name servers do not answer for %s.", "see /etc/resolv.conf"},
	{"nothing-listens", "nothing listens", "Nothing listens at %s.", "start the server there, or correct the address or port"},
	{"port-forbidden", "operation not permitted", "This host's own firewall does not let it ask %s.", "allow outgoing UDP to port 123 (nft list ruleset, iptables -L)"},
	{"port-blocked", "timeout", "%s never answer.", "allow UDP to and from port 123 on the way (for nts also TCP 4460, for ptp UDP 319 and 320), or take other servers"},
	{"follows-nobody", "follows nobody", "%s follow nobody but their own clock.", "give the server a source, or take another; local_reference is for islands"},
}

// checkReach says why sources that never answer do not.
func checkReach(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	by := map[int][]string{}
	for _, s := range c.Report.Clock.Sources {
		if s.Reach != 0 || s.Err == nil {
			continue
		}
		text := s.Err.Error()
		if i := slices.IndexFunc(troubles, func(t struct{ id, says, text, do string }) bool { return strings.Contains(text, t.says) }); i >= 0 {
			by[i] = append(by[i], s.Name)
			continue
		}
		f.add("source-silent", Warning, `see "epsilon sources"`, "%s does not answer: %v.", s.Name, strings.TrimSuffix(text, "."))
	}
	all := len(c.Report.Clock.Sources)
	for _, i := range slices.Sorted(maps.Keys(by)) {
		t, names := troubles[i], by[i]
		severity, who := Warning, listed(names)
		if len(names) == all && all > 0 {
			severity, who = Bad, fmt.Sprintf("any of the %d sources", all)
			if t.id == "port-blocked" || t.id == "follows-nobody" {
				who = fmt.Sprintf("All %d sources", all)
			}
			if all == 1 {
				who = names[0]
			}
		}
		f.add(t.id, severity, t.do, t.text, who)
	}
}

// checkRefusals says which servers want to be asked less, or not at all.
func checkRefusals(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	for _, s := range c.Report.Clock.Sources {
		switch {
		case errors.Is(s.Err, truetime.ErrDenied):
			f.add("denied", Warning, "take another server, or ask who runs it for access", "%s refuses to serve this host.", s.Name)
		case s.HeldBack:
			f.add("held-back", Advice, "raise poll_min, or take a server of your own", "%s wants to be asked less often; it is asked every %s by now.", s.Name, view.Age(s.Poll))
		}
	}
}

// checkFalsetickers names the sources that are wrong.
func checkFalsetickers(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	clock := c.Report.Clock
	for _, s := range clock.Sources {
		do := "take it out of the configuration, or tell who runs it; if many are wrong, see whether it is the others"
		switch s.Verdict {
		case truetime.Falseticker:
			text := fmt.Sprintf("%s is wrong: it says what the others rule out", s.Name)
			if s.Interval.Valid() && clock.Interval.Valid() {
				text = fmt.Sprintf("%s is wrong by %s: it claims %s", s.Name, view.Signed(view.Offset(clock, s)), view.Duration(s.Claim))
			}
			if s.Err != nil {
				text += ". " + strings.TrimSuffix(s.Err.Error(), ".")
			}
			f.add("falseticker", Warning, do, "%s.", text)
		case truetime.Convicted:
			f.add("convicted", Warning, do, "%s contradicts itself: what it said cannot be reconciled with what it said before.", s.Name)
		case truetime.Unusable:
			if s.Err != nil && s.Reach != 0 {
				f.add("unusable", Warning, `see "epsilon sources"`, "%s cannot be used: %v.", s.Name, s.Err)
			}
		}
	}
}

// checkVoters says whether enough of them are there to outvote those that may be wrong.
func checkVoters(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	s := c.Report.Clock
	needed := 2*s.Faulty + 1
	switch {
	case s.Voters == 0:
	case s.Faulty == 0:
		f.add("none-may-be-wrong", Warning, "configure three sources to outvote one that is wrong, and four to stay narrow with another one down",
			"If %s wrong, so is the clock: with %s nobody can tell.", map[bool]string{true: "the only source is", false: "one of the sources is"}[s.Voters == 1], voters(s.Voters))
	case s.Answering < needed && s.Answering > s.Faulty:
		f.add("too-few-answer", Warning, "bring back the sources that do not answer, or add some",
			"Only %d of %d voters answer. With fewer than %d a wrong one among them is not outvoted, but widens ε.", s.Answering, s.Voters, needed)
	}
	if s.Voters == 3 && s.Answering == 3 {
		f.add("no-spare", Advice, "add a fourth source", "There are three sources, so once one is down a wrong one is not outvoted any more.")
	}
}

func voters(n int) string {
	if n == 1 {
		return "one voter"
	}
	return fmt.Sprintf("%d voters", n)
}

// checkOperators finds votes that one operator has more of than may be wrong. Whoever runs a domain or a
// network can be wrong with all servers in it.
func checkOperators(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	s := c.Report.Clock
	votes := map[string][]string{}
	for _, source := range s.Sources {
		if source.Group == "" && !source.NoVote {
			if operator := operatorOf(source.Name); operator != "" {
				votes[operator] = append(votes[operator], source.Name)
			}
		}
	}
	for _, operator := range slices.Sorted(maps.Keys(votes)) {
		if n := len(votes[operator]); n > s.Faulty && n > 1 {
			f.add("one-operator", Warning, fmt.Sprintf("give them one vote, by group = %q in each of these sources, and add sources of others", operator),
				"%d of %s are of %s, and no more than %d may be wrong: if that operator is wrong, so is the clock.", n, voters(s.Voters), operator, s.Faulty)
		}
	}
}

// operatorOf guesses who runs a server: whoever has its domain, which is the last two labels of the name
// (three in domains such as co.uk), or its network. It is empty where that cannot be told, and for pools of
// many operators.
func operatorOf(name string) string {
	name = strings.TrimPrefix(name, "nts://")
	if port, err := netip.ParseAddrPort(name); err == nil {
		name = port.Addr().String()
	}
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		bits := map[bool]int{true: 24, false: 48}[a.Is4()]
		if a.IsLoopback() || a.IsLinkLocalUnicast() {
			return ""
		}
		prefix, err := a.Prefix(bits)
		if err != nil {
			return ""
		}
		return "the network " + prefix.String()
	}
	if strings.ContainsAny(name, " /") {
		return "" // a device or a daemon
	}
	host, _, _ := strings.Cut(name, "#")
	host, _, _ = strings.Cut(host, ":")
	labels := strings.Split(host, ".")
	if len(labels) < 2 || strings.HasSuffix(host, "pool.ntp.org") {
		return ""
	}
	n := 2
	if last := labels[len(labels)-1]; len(labels) > 2 && len(last) == 2 && len(labels[len(labels)-2]) <= 3 {
		n = 3
	}
	return strings.Join(labels[len(labels)-n:], ".")
}

// checkMachines finds sources that seem to be one machine.
func checkMachines(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	told := map[string]bool{}
	for _, s := range c.Report.Clock.Sources {
		if len(s.SameAs) == 0 || told[s.Name] {
			continue
		}
		for _, other := range s.SameAs {
			told[other] = true
		}
		f.add("same-machine", Advice, "keep one of them, and take others in their place",
			"%s seem to be one machine: together they count once.", listed(append([]string{s.Name}, s.SameAs...)))
	}
}

// far is a round trip beyond which servers are not near.
const far = 10 * time.Millisecond

// checkDistance says whether the servers are too far away.
func checkDistance(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	s := c.Report.Clock
	nearest := time.Duration(-1)
	for _, source := range s.Sources {
		if source.Verdict == truetime.Truechimer && (nearest < 0 || source.Delay < nearest) {
			nearest = source.Delay
		}
	}
	if nearest > far && s.Budget.Delay > s.Uncertainty/3 {
		f.add("far", Advice, "take servers in the same building or city, or of the cloud that the host is in",
			"The nearest server that is right is %s away and back, so ε cannot fall below %s.", view.Duration(nearest), view.Duration(nearest/2))
	}
}

// listed names a few sources in a sentence.
func listed(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}
