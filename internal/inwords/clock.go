package inwords

import (
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// State is the state of a clock as a title.
func State(s truetime.State) string {
	switch s {
	case truetime.Synchronized:
		return "Synchronized"
	case truetime.Holdover:
		return "Holdover"
	case truetime.ClockFaulty:
		return "Clock faulty"
	case truetime.Closed:
		return "Closed"
	}
	return "Not synchronized"
}

// Answer says whether there is an answer, whether it is good enough, and if not why. It has no number that changes
// while nothing happens. A within of 0 stands for no such limit.
func Answer(s truetime.Status, within time.Duration) string {
	if s.Err != nil {
		return end("There is no answer: " + Clip(strings.TrimPrefix(s.Err.Error(), "truetime: ")))
	}
	text := "True time is within ε of the middle of the interval"
	if s.State == truetime.Holdover {
		text = "Too few sources answer, so ε grows; the interval still contains true time"
	}
	switch {
	case within == 0:
		return end(text)
	case s.Uncertainty <= within:
		return join(text, fmt.Sprintf("Ready: ε is at most %s.", Duration(within)))
	}
	return join(text, fmt.Sprintf("Not ready: ε is above %s.", Duration(within)))
}

// Summary is that of the status as sentences.
func Summary(s truetime.Status) string { return end(Clip(s.Summary())) }

// longest is how much is shown of a text that others may have a part in.
const longest = 500

// Clip leaves out the rest of a text that is too long.
func Clip(text string) string {
	runes := []rune(text)
	if len(runes) <= longest {
		return text
	}
	return string(runes[:longest]) + "…"
}

// Event says what has happened.
func Event(e truetime.Event) string { return Clip(e.String()) }

// Epoch says which epoch it is, and how it came to be.
func Epoch(s truetime.Status) string {
	if s.Disruption == "" {
		return fmt.Sprintf("%d, no disruption", s.Epoch)
	}
	return fmt.Sprintf("%d, since %s ago: %s", s.Epoch, Age(s.DisruptionAge), s.Disruption)
}

// Voters says how many have a vote, may be wrong, have been heard and answer.
func Voters(s truetime.Status) string {
	return fmt.Sprintf("%d, of which f = %d may be wrong; %d heard, %d answer", s.Voters, s.Faulty, s.Heard, s.Answering)
}
