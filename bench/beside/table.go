package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is a title, rows of cells, of which the first row says what they are, and what there is to say about it.
type table struct {
	title string
	rows  [][]string
	note  string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write writes it as plain text, or as Markdown.
func (t *table) write(w io.Writer, markdown bool) error {
	var b strings.Builder
	if markdown {
		fmt.Fprintf(&b, "### %s\n\n", t.title)
	} else {
		fmt.Fprintf(&b, "%s\n\n", t.title)
	}
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, row := range t.rows {
		if markdown {
			b.WriteString("| " + strings.Join(row, " | ") + " |\n")
			if i == 0 {
				b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
			}
			continue
		}
		for j, cell := range row {
			blanks := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell))
			switch {
			case j == 0:
				b.WriteString(cell + blanks)
			default:
				b.WriteString("  " + blanks + cell)
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%s\n\n", t.note)
	_, err := io.WriteString(w, b.String())
	return err
}
