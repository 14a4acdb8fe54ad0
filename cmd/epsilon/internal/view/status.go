package view

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/internal/inwords"
	"github.com/epsilontime/epsilon/truetime"
)

// Status shows a clock and a line for each of its sources.
func Status(r api.Report) string {
	var b strings.Builder
	b.WriteString(headline(r) + "\n\n")
	s := r.Clock
	if s.Interval.Valid() {
		b.WriteString(labelled("earliest", s.Interval.Earliest.String()))
		b.WriteString(labelled("latest", s.Interval.Latest.String()))
		b.WriteString(labelled("ε", Parts(s.Budget)))
	}
	b.WriteString(labelled("epoch", plain(inwords.Epoch(s))))
	b.WriteString(labelled("leap", plain(s.LeapSeconds.String())))
	b.WriteString(labelled("counter", plain(cmp.Or(s.Counter, "not known"))))
	b.WriteString(labelled("voters", fmt.Sprintf("%d, of which %d may be wrong; %d heard, %d answer", s.Voters, s.Faulty, s.Heard, s.Answering)))
	b.WriteString(labelled("daemon", daemon(r.Daemon)))
	if r.Daemon.Segment != "" {
		b.WriteString(labelled("segment", fmt.Sprintf("%s, published %d times", plain(r.Daemon.Segment), r.Daemon.Publications)))
	}
	if len(r.Daemon.HTTP) > 0 {
		b.WriteString(labelled("page", strings.Join(r.Daemon.HTTP, " ")))
	}
	if n := r.Daemon.NTP; n != nil {
		b.WriteString(labelled("ntp", fmt.Sprintf("at %s: %d requests, %d answered with a time", strings.Join(n.Listen, ", "), n.Received, n.Answered)))
	}
	b.WriteString(fleetLines(r.Daemon.Fleet))
	b.WriteString("\n" + sourceTable(s))
	for _, note := range r.Daemon.Notes {
		b.WriteString("\nNote: " + Wrap(plain(note), Width-6, "      ") + "\n")
	}
	return b.String()
}

// headline says in one sentence how the clock is.
func headline(r api.Report) string {
	s := r.Clock
	text := "The clock is " + s.State.String()
	switch {
	case s.Err == nil && s.State == truetime.Holdover:
		text = "The clock is in holdover, still right: ε is " + Duration(s.Uncertainty)
	case s.Err == nil:
		text += ": ε is " + Duration(s.Uncertainty)
	default:
		text += ": " + plain(s.Err.Error())
	}
	if s.Err == nil && !r.Daemon.Ready {
		text += fmt.Sprintf(", above the %s of ready.within", Duration(r.Daemon.ReadyWithin))
	}
	if summary := s.Summary(); summary != "" && s.State != truetime.Synchronized {
		text += ". " + plain(summary)
	}
	return Wrap(strings.TrimSuffix(text, ".")+".", Width, "")
}

// Parts writes ε and its parts, the largest first: "412 µs = 210 µs drift + 150 µs claim + 52 µs delay".
func Parts(b truetime.Budget) string {
	if b == (truetime.Budget{}) {
		return "no answer"
	}
	text := Duration(b.Uncertainty())
	for i, p := range inwords.Parts(b) {
		text += [...]string{" = ", " + "}[min(i, 1)] + Duration(p.Size) + " " + p.Name
	}
	return text
}

func daemon(d api.Daemon) string {
	text := fmt.Sprintf("%s, pid %d, up %s, by %s", d.Version, d.PID, Age(d.Uptime), cmp.Or(plain(d.Config), "its demonstration"))
	if d.Pending != "" {
		text += "; a newer configuration is not in use yet: " + plain(d.Pending)
	}
	return text
}

// sourceTable is a line for each source, and what is the matter with those that something is with.
func sourceTable(s truetime.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %-24s %-11s %9s %8s %8s %6s %6s\n", "SOURCE", "VERDICT", "OFFSET", "ε", "DELAY", "AGE", "POLL")
	for _, source := range s.Sources {
		offset, uncertainty, delay, age := "", "", "", ""
		if source.Interval.Valid() {
			uncertainty, delay, age = Duration(source.Interval.Uncertainty()), Duration(source.Delay), brief(source.Age)
			if s.Interval.Valid() {
				offset = Signed(Offset(s, source))
			}
		}
		fmt.Fprintf(&b, "%s %-24s %-11s %9s %8s %8s %6s %6s\n", mark(source.Verdict), Fit(plain(source.Name), 24), source.Verdict,
			offset, uncertainty, delay, age, brief(source.Poll))
	}
	for _, source := range s.Sources {
		if source.Err != nil {
			b.WriteString("\n  " + Wrap(plain(source.Name+": "+source.Err.Error()), Width-4, "    "))
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// Offset is how far the middle of a source's interval is ahead of the middle of the clock's.
func Offset(s truetime.Status, source truetime.SourceStatus) time.Duration {
	return source.Interval.Midpoint().Sub(s.Interval.Midpoint())
}

// brief is an age in the largest unit alone.
func brief(d time.Duration) string {
	text, _, _ := strings.Cut(Age(d), " ")
	return text
}

// mark tells sources apart at a glance.
func mark(v truetime.Verdict) string {
	switch v {
	case truetime.Truechimer:
		return "✓"
	case truetime.Falseticker, truetime.Convicted:
		return "✗"
	case truetime.Unusable:
		return "!"
	}
	return "·"
}
