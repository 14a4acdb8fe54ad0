// Package view shows a clock to people, at most 80 columns wide.
package view

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/epsilontime/epsilon/internal/inwords"
)

// Width is how wide a terminal everything fits into.
const Width = 80

// Duration writes a duration with three digits, as in "412 µs", "1.35 ms" and "2h 3m".
func Duration(d time.Duration) string { return inwords.Duration(d) }

// Signed writes a duration with its sign, as in "+20.1 µs".
func Signed(d time.Duration) string { return inwords.Signed(d) }

// Age writes how long ago something was, in the largest two units, as in "3s" and "2h 3m".
func Age(d time.Duration) string { return inwords.Age(d) }

// Wrap breaks text into lines of at most width columns; an indent, which is not counted, precedes each after
// the first.
func Wrap(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// labelled is a line "  label  text", wrapped under itself.
func labelled(label, text string) string {
	const column = 13
	indent := strings.Repeat(" ", column)
	return fmt.Sprintf("  %-*s%s\n", column-2, label, Wrap(text, Width-column, indent))
}

// Fit cuts text to a number of columns, with an ellipsis where something is left out.
func Fit(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	runes := []rune(text)
	return string(runes[:max(0, width-1)]) + "…"
}

// plain takes out of a text of somebody else what a terminal would take for a command.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}
