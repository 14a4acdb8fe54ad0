package view

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/truetime"
)

// Why says why ε is what it is, in numbers that add up to it and in words.
func Why(r api.Report) string {
	s := r.Clock
	if !s.Interval.Valid() {
		return headline(r) + "\n\nThere is no ε without an answer: \"epsilon doctor\" says what is wrong.\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "True time is within ε = %s of %s.\n\n", exact(s.Uncertainty, s.Uncertainty), s.Interval.Midpoint())
	for _, p := range parts(s.Budget) {
		share := float64(p.size) / float64(s.Uncertainty)
		fmt.Fprintf(&b, "  %14s %4.0f %%  %-30s  %s\n", exact(p.size, s.Uncertainty), 100*share, bar(share, 30), p.name)
	}
	fmt.Fprintf(&b, "  %14s\n", strings.Repeat("─", 14))
	fmt.Fprintf(&b, "  %14s  100 %%\n", exact(s.Budget.Uncertainty(), s.Uncertainty))
	if s.Err != nil {
		b.WriteString("\n" + Wrap("This is refused as an answer: "+plain(s.Err.Error())+".", Width, "") + "\n")
	}
	b.WriteString("\n" + Wrap(ends(s.Budget), Width, "") + "\n")
	for _, p := range parts(s.Budget) {
		text := fmt.Sprintf("%-13s", p.name)
		b.WriteString("\n" + text + Wrap(explanation(r, p), Width-13, strings.Repeat(" ", 13)) + "\n")
	}
	return b.String()
}

// exact writes a part to the nanosecond, in the unit of the whole, so that the digits add up.
func exact(d, whole time.Duration) string {
	switch {
	case whole < time.Millisecond:
		return fmt.Sprintf("%d.%03d µs", d/time.Microsecond, d%time.Microsecond)
	case whole < time.Second:
		return fmt.Sprintf("%d.%06d ms", d/time.Millisecond, d%time.Millisecond)
	}
	return fmt.Sprintf("%d.%09d s", d/time.Second, d%time.Second)
}

// bar is a share of width columns, to an eighth of one.
func bar(share float64, width int) string {
	eighths := int(share*float64(width)*8 + 0.5)
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	if text == "" && share > 0 {
		text = "▏"
	}
	return text
}

// ends says which sources the two ends of the interval follow from.
func ends(b truetime.Budget) string {
	if b.EarliestFrom == b.LatestFrom && b.EarliestAge == b.LatestAge {
		return fmt.Sprintf("Both ends follow from what %s said %s ago.", plain(b.EarliestFrom), Age(b.EarliestAge))
	}
	return fmt.Sprintf("Earliest follows from what %s said %s ago, and Latest from what %s said %s ago.",
		plain(b.EarliestFrom), Age(b.EarliestAge), plain(b.LatestFrom), Age(b.LatestAge))
}

// explanation says what a part is and what would make it smaller.
func explanation(r api.Report, p part) string {
	b := r.Clock.Budget
	oldest := Age(max(b.EarliestAge, b.LatestAge))
	switch p.name {
	case "delay":
		return "Half the round trip to the servers: nothing tells where between sending and receiving the server read its clock. " +
			"Nearer servers or a faster network make it smaller."
	case "claim":
		return "What the servers say that they may be wrong by themselves. Better servers make it smaller: a lower stratum, or one with a reference clock of its own."
	case "drift":
		return fmt.Sprintf("What this host's counter may have gained or lost since, up to %s ago. It is assumed to be off by up to %s. "+
			"More frequent polls, or an assumption that the oscillator keeps (drift_ppm, max_wander_ppb), make it smaller.", oldest, ppm(r.Daemon.DriftPPM))
	case "leap":
		return "A leap second that is neither confirmed nor excluded. A newer table of leap seconds makes it 0: update tzdata."
	case "disagreement":
		return fmt.Sprintf("%s and %s disagree by more than their delays, claims and drift explain, and either may be right. More sources make it smaller: they outvote the one that is wrong.",
			plain(cmp.Or(b.EarliestFrom, "One source")), plain(cmp.Or(b.LatestFrom, "another")))
	}
	return ""
}

func ppm(f float64) string {
	if f == 0 {
		return "an unknown rate"
	}
	return fmt.Sprintf("%g ppm", f)
}

// pad fills text up to a number of columns.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
