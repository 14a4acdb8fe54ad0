package config

import (
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a file.
type Mistake struct {
	Line int // from 1; 0 where the mistake is not on one line
	Text string
}

func (m Mistake) String() string {
	if m.Line == 0 {
		return m.Text
	}
	return fmt.Sprintf("line %d: %s", m.Line, m.Text)
}

// Error is everything that is wrong with a file, in the order of its lines.
type Error struct {
	File     string
	Mistakes []Mistake
}

// Error is one sentence for one mistake, and a line for each of several.
func (e *Error) Error() string {
	if len(e.Mistakes) == 1 {
		return fmt.Sprintf("%s: %s", e.File, e.Mistakes[0])
	}
	text := fmt.Sprintf("%s has %d mistakes:", e.File, len(e.Mistakes))
	for _, m := range e.Mistakes {
		text += "\n  " + m.String()
	}
	return text
}

// OneLine is what a log has one line for.
func (e *Error) OneLine() string {
	var texts []string
	for _, m := range e.Mistakes {
		texts = append(texts, m.String())
	}
	return e.File + ": " + strings.Join(texts, "; ")
}

// mistakes collects them.
type mistakes struct {
	found []Mistake
	clock int // the line of [clock], for what its keys have against each other

	read []byte // of other files, which belongs to what was configured
}

func (m *mistakes) addf(line int, format string, values ...any) {
	mistake := Mistake{line, fmt.Sprintf(format, values...)}
	if !slices.Contains(m.found, mistake) {
		m.found = append(m.found, mistake)
	}
}

// in returns them as an error about a file, and nil if there are none.
func (m *mistakes) in(file string) error {
	if len(m.found) == 0 {
		return nil
	}
	slices.SortStableFunc(m.found, func(a, b Mistake) int { return a.Line - b.Line })
	return &Error{File: file, Mistakes: m.found}
}
