package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
	"github.com/epsilontime/epsilon/truetime"
)

// What is wrong with the clock as a whole.

func checkDaemon(c *Case, f *findings) {
	if c.Report == nil {
		f.add("no-daemon", Bad, `start it: "systemctl start epsilon", or "epsilon serve"`, "Nobody keeps the time: %v.", c.NoDaemon)
		return
	}
	if why := c.Report.Daemon.Pending; why != "" {
		f.add("configuration-pending", Warning, `mend the sources of the new configuration, or put the old one back, and "epsilon reload"`,
			"The newest configuration is not in use, because its clock does not answer well enough: %s.", why)
	}
	if b := c.Report.Daemon.ClockBound; b != nil && b.Err != "" && c.Report.Clock.Err == nil {
		f.add("clockbound-clients", Bad, "see to that, and start the daemon again if it has given up: one process may write the segment",
			"ClockBound's clients are told that nothing is known: %s.", b.Err)
	}
}

func checkAnswer(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	s, within := c.Report.Clock, c.Report.Daemon.ReadyWithin
	switch {
	case s.State == truetime.ClockFaulty:
		f.add("clock-faulty", Bad, `compare the sources in "epsilon sources"; if the error names a rate, drift_ppm in [clock] has to admit it`,
			"The clock refuses to answer: %v. %s.", s.Err, s.Summary())
	case s.Err != nil:
		f.add("no-answer", Bad, "see what is said of the sources below", "The clock has no answer: %v. %s.", s.Err, s.Summary())
	case s.State == truetime.Holdover:
		f.add("holdover", Bad, fmt.Sprintf("bring sources back: ε grows by up to %v an hour until then",
			view.Duration(time.Duration(c.Report.Daemon.DriftPPM*3600*1e3))),
			"Too few sources answer, so the clock lives on what it knows: %d of %d, and %d are needed. ε is %s by now.",
			s.Answering, s.Voters, s.Faulty+1, view.Duration(s.Uncertainty))
	case s.Uncertainty > within:
		largest, do := largestPart(s.Budget)
		f.add("too-wide", Bad, do, "ε is %s, above the %s of ready.within. Most of it is %s: \"epsilon why\" has the parts.",
			view.Duration(s.Uncertainty), view.Duration(within), largest)
	}
}

// largestPart names the largest part of ε, and says what makes it smaller.
func largestPart(b truetime.Budget) (name, do string) {
	largest := time.Duration(-1)
	for _, p := range []struct {
		size     time.Duration
		name, do string
	}{
		{b.Delay, "the round trip", "take nearer servers"},
		{b.Claim, "what the servers claim", "take better servers, of a lower stratum"},
		{b.Drift, "what the counter may have drifted", "poll more often (poll_min), or declare a smaller drift_ppm if the oscillator keeps it"},
		{b.Leap, "a leap second that may be near", "update tzdata, for a newer table of leap seconds"},
		{b.Pause, "what the counter may stand still unseen", "declare a smaller unseen_pause, if what stops this machine keeps it, or none if the hypervisor has a VMClock"},
		{b.Disagreement, "disagreement between sources", `see which of them is wrong in "epsilon sources", and add sources`},
	} {
		if p.size > largest {
			largest, name, do = p.size, p.name, p.do
		}
	}
	return name, do
}

// near is how long before its expiry a table should be replaced.
const near = 60 * 24 * time.Hour

func checkLeapSeconds(c *Case, f *findings) {
	if c.Report == nil {
		return
	}
	l := c.Report.Clock.LeapSeconds
	const do = "update tzdata (its leap-seconds.list), or name a newer list by leap_seconds in [clock]"
	switch {
	case l.TableExpired:
		f.add("leap-table-expired", Warning, do,
			"The table of leap seconds of %s expired on %s: at the end of June and December ε will have to allow for a leap second.",
			l.TableSource, l.TableExpiry.Std().Format(time.DateOnly))
	case !l.TableExpiry.IsZero() && l.TableExpiry.Sub(c.Now) < near:
		f.add("leap-table-expires", Advice, do, "The table of leap seconds of %s expires on %s.",
			l.TableSource, l.TableExpiry.Std().Format(time.DateOnly))
	}
	if l.TableRefused != "" {
		f.add("leap-table-refused", Warning, do, "A table of leap seconds was found and is not used: %s.", strings.TrimSuffix(l.TableRefused, "."))
	}
}
