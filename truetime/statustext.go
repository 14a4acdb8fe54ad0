package truetime

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// String says it in several lines, for a person: the state and the summary, the interval and why it
// is as wide as it is, the counter, leap seconds, the last disruption, and a line for each source.
// There is no newline at the end. The text may change between versions: a program reads the fields.
func (s Status) String() string {
	lines := []string{s.State.String()}
	add := func(label, text string) {
		lines = append(lines, fmt.Sprintf("  %-10s  %s", label, oneLine(text)))
	}
	if summary := s.Summary(); summary != "" {
		lines[0] += ": " + oneLine(summary)
	}
	if s.Err != nil {
		add("error", s.Err.Error())
	}
	add("interval", s.Interval.String())
	add("budget", s.Budget.String())
	add("counter", cmp.Or(s.Counter, "not known"))
	add("leap", s.LeapSeconds.String())
	add("disruption", s.disruption())
	for _, source := range s.Sources {
		add("source", source.String())
	}
	if len(s.Sources) == 0 {
		add("source", "none")
	}
	return strings.Join(lines, "\n")
}

// disruption says why the last epoch ended, and when.
func (s Status) disruption() string {
	switch {
	case s.Disruption != "":
		return fmt.Sprintf("%s, %v ago: this is epoch %d", s.Disruption, rounded(s.DisruptionAge), s.Epoch)
	case s.Epoch <= 1:
		return "none"
	}
	return fmt.Sprintf("not known: this is epoch %d", s.Epoch)
}

// String says it in one line, for a person: the name, the verdict, the interval and what it follows
// from, and the error, if there is one.
func (s SourceStatus) String() string {
	name := cmp.Or(s.Name, "(no name)")
	if s.Group != "" {
		name += " of group " + s.Group
	}
	texts := []string{s.Verdict.String(), s.Interval.String()}
	if s.Interval.Valid() {
		texts = append(texts, fmt.Sprintf("delay %v, claim %v, age %v", s.Delay, s.Claim, rounded(s.Age)))
		if s.MinDelay > 0 {
			texts = append(texts, fmt.Sprintf("declared to take %v at least each way", s.MinDelay))
		}
	}
	if s.NoVote {
		texts = append(texts, "no vote")
	}
	if len(s.SameAs) > 0 {
		texts = append(texts, "may be the same machine as "+strings.Join(s.SameAs, ", "))
	}
	if s.Err != nil {
		texts = append(texts, "error: "+s.Err.Error())
	}
	return oneLine(name + ": " + strings.Join(texts, ", "))
}

// rounded leaves out of an age what nobody reads.
func rounded(age time.Duration) time.Duration { return age.Round(time.Millisecond) }

// oneLine joins the lines of a text that somebody else wrote, such as the error of a source.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
