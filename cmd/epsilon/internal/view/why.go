package view

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/internal/inwords"
)

// Why says why ε is what it is, in numbers that add up to it and in words.
func Why(r api.Report) string {
	s := r.Clock
	if !s.Interval.Valid() {
		return headline(r) + "\n\nThere is no ε without an answer: \"epsilon doctor\" says what is wrong.\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "True time is within ε = %s of %s.\n\n", exact(s.Uncertainty, s.Uncertainty), s.Interval.Midpoint())
	for _, p := range inwords.Parts(s.Budget) {
		share := float64(p.Size) / float64(s.Uncertainty)
		fmt.Fprintf(&b, "  %14s %4.0f %%  %-30s  %s\n", exact(p.Size, s.Uncertainty), 100*share, bar(share, 30), p.Name)
	}
	fmt.Fprintf(&b, "  %14s\n", strings.Repeat("─", 14))
	fmt.Fprintf(&b, "  %14s  100 %%\n", exact(s.Budget.Uncertainty(), s.Uncertainty))
	if s.Err != nil {
		b.WriteString("\n" + Wrap("This is refused as an answer: "+plain(s.Err.Error())+".", Width, "") + "\n")
	}
	b.WriteString("\n" + Wrap(plain(inwords.Ends(s.Budget)), Width, "") + "\n")
	for _, p := range inwords.Parts(s.Budget) {
		text := fmt.Sprintf("%-13s", p.Name)
		b.WriteString("\n" + text + Wrap(plain(p.Explanation(s.Budget, r.Daemon.DriftPPM)), Width-13, strings.Repeat(" ", 13)) + "\n")
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

// pad fills text up to a number of columns.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
