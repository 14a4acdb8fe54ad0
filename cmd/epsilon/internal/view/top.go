package view

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/internal/inwords"
	"github.com/epsilontime/epsilon/truetime"
)

// Top is a screen that shows a clock at one moment: ε and its parts, ε over the last minutes, and the
// interval of each source beside the clock's, drawn to scale.
//
//	columns of a source   mark, name, interval, ε
//	its interval          ├──┼──┤   the middle of the screen is the middle of the clock's interval
//	out of the picture    ◀ or ▶ and how far
func Top(r api.Report, h api.History, width, height int) string {
	width, height = min(max(width, 60), 200), max(height, 16)
	lines := []string{topLine(r, width), ""}
	lines = append(lines, budgetLines(r.Clock, width)...)
	lines = append(lines, "")
	sources := len(r.Clock.Sources) + 2         // the clock's own, and the scale
	rest := height - len(lines) - 3             // two lines of the axis, and one between
	graph := min(max(rest-sources, 4), 12) &^ 1 // even, so that the middle has its number
	lines = append(lines, sawtooth(h, width, graph)...)
	lines = append(lines, "")
	lines = append(lines, intervals(r.Clock, width, height-len(lines))...)
	for i, line := range lines {
		lines[i] = strings.TrimRight(Fit(line, width), " ")
	}
	return strings.Join(lines[:min(len(lines), height)], "\n") + "\n"
}

func topLine(r api.Report, width int) string {
	s := r.Clock
	text := "epsilon  " + s.State.String()
	if s.Interval.Valid() {
		text += "  ε " + Duration(s.Uncertainty)
	}
	switch {
	case s.Err != nil:
		text += "  " + plain(s.Err.Error())
	case r.Daemon.Ready:
		text += "  ready (≤ " + Duration(r.Daemon.ReadyWithin) + ")"
	default:
		text += "  not ready (> " + Duration(r.Daemon.ReadyWithin) + ")"
	}
	if !s.Interval.Valid() {
		return text
	}
	at := s.Interval.Midpoint().Std().Format("2006-01-02 15:04:05Z")
	return pad(Fit(text, width-len(at)-1), width-len(at)) + at
}

// shades tell the parts of ε apart.
var shades = []string{"█", "▓", "▒", "░", "·"}

// budgetLines are a bar of the parts of ε, and what they are.
func budgetLines(s truetime.Status, width int) []string {
	if !s.Interval.Valid() || s.Uncertainty == 0 {
		return []string{Wrap("no answer: "+plain(s.Summary()), 1<<20, ""), ""}
	}
	var legend []string
	bar, filled := "", 0.0
	for i, p := range inwords.Parts(s.Budget) {
		from := int(math.Round(filled * float64(width)))
		filled += float64(p.Size) / float64(s.Uncertainty)
		bar += strings.Repeat(shades[i], int(math.Round(filled*float64(width)))-from)
		legend = append(legend, fmt.Sprintf("%s %s %s", shades[i], p.Name, Duration(p.Size)))
	}
	return []string{bar, strings.Join(legend, "   ")}
}

const axis = 9 // columns of the numbers beside the graph

// sawtooth draws ε of the last seconds, one column each, in rows of eighths. It is the largest of what fell
// into the column, so that no peak is lost.
func sawtooth(h api.History, width, rows int) (lines []string) {
	columns := width - axis - 1
	values := h.Uncertainty[max(0, len(h.Uncertainty)-columns):]
	top := ceiling(slices.Max(append([]time.Duration{1}, values...)))
	for row := range rows {
		label := ""
		switch row {
		case 0:
			label = Duration(top)
		case rows / 2:
			label = Duration(top - top*time.Duration(row)/time.Duration(rows))
		}
		line := fmt.Sprintf("%*s ┤", axis-1, label)
		line += strings.Repeat(" ", columns-len(values))
		for _, v := range values {
			eighths := int(math.Ceil(float64(v) / float64(top) * float64(rows) * 8))
			line += string([]rune(" ▁▂▃▄▅▆▇█")[min(max(eighths-(rows-1-row)*8, 0), 8)])
		}
		lines = append(lines, line)
	}
	lines = append(lines, fmt.Sprintf("%*s └%s", axis-1, "0", strings.Repeat("─", columns)))
	since := "−" + Age(time.Duration(columns)*h.Every)
	lines = append(lines, fmt.Sprintf("%*s%s%*s", axis+1, "", pad(since, 10), columns-10, "ε of every second until now"))
	return lines
}

// ceiling is the next number of the form 1, 2 or 5 times a power of ten.
func ceiling(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		for _, factor := range []time.Duration{1, 2, 5} {
			if factor*unit >= d {
				return factor * unit
			}
		}
		if unit > math.MaxInt64/100 {
			return d
		}
	}
}

const (
	nameColumns = 22
	sizeColumns = 9
)

// intervals draws the clock's interval and those of the sources, into so many rows.
func intervals(s truetime.Status, width, rows int) (lines []string) {
	columns := width - nameColumns - sizeColumns - 3
	columns -= 1 - columns%2 // so that one of them is the middle
	reach := halfRange(s)
	left, right := Signed(-reach), Signed(reach)
	gap := columns - len([]rune(left)) - len([]rune(right))
	scale := left + strings.Repeat(" ", max(0, gap/2)) + "0"
	scale = pad(scale, columns-len([]rune(right))) + right
	lines = append(lines, pad("", nameColumns+2)+scale+fmt.Sprintf(" %*s", sizeColumns, "ε"))
	p := picture{columns: columns, reach: reach}
	if s.Interval.Valid() {
		p.middle = s.Interval.Midpoint()
		p.from, p.to = p.column(s.Interval.Earliest), p.column(s.Interval.Latest)
		lines = append(lines, pad("  the clock", nameColumns+2)+p.draw(s.Interval, []rune("╞═╪╡║"), nil)+
			fmt.Sprintf(" %*s", sizeColumns, Duration(s.Uncertainty)))
	}
	for i, source := range s.Sources {
		if left := len(s.Sources) - i; len(lines) == rows-1 && left > 1 {
			lines = append(lines, fmt.Sprintf("  and %d more: epsilon sources", left))
			break
		}
		line := mark(source.Verdict) + " " + pad(Fit(plain(source.Name), nameColumns-1), nameColumns)
		switch {
		case source.Interval.Valid() && s.Interval.Valid():
			line += p.draw(source.Interval, []rune("├─┼┤│"), []rune("┊")) + fmt.Sprintf(" %*s", sizeColumns, Duration(source.Interval.Uncertainty()))
		case source.Err != nil:
			line += plain(source.Err.Error())
		default:
			line += source.Verdict.String()
		}
		lines = append(lines, line)
	}
	return lines
}

// halfRange is how far the picture reaches to each side: as far as what the clock and those sources say
// that are not wrong.
func halfRange(s truetime.Status) time.Duration {
	reach := s.Interval.Uncertainty()
	if s.Interval.Valid() {
		middle := s.Interval.Midpoint()
		for _, source := range s.Sources {
			if source.Verdict == truetime.Truechimer && source.Interval.Valid() {
				reach = max(reach, source.Interval.Latest.Sub(middle), middle.Sub(source.Interval.Earliest))
			}
		}
	}
	return ceiling(max(reach, 1))
}

// picture is a line of columns, the middle of which is the middle of the clock's interval.
type picture struct {
	columns  int
	reach    time.Duration
	middle   truetime.Time
	from, to int // where the clock's interval begins and ends
}

// column is where a moment is, and may be outside of the picture.
func (p picture) column(t truetime.Time) int {
	half := float64(p.columns / 2)
	place := math.Round(half + float64(t.Sub(p.middle))/float64(p.reach)*half)
	return int(min(max(place, -1e6), 1e6))
}

// draw draws an interval by the runes for its beginning, its inside, its middle, its end, and all of them in
// one column. Where it is not, ruler marks the ends of the clock's.
func (p picture) draw(i truetime.Interval, runes, ruler []rune) string {
	line := []rune(strings.Repeat(" ", p.columns))
	put := func(at int, r rune) {
		if 0 <= at && at < p.columns {
			line[at] = r
		}
	}
	if ruler != nil {
		put(p.from, ruler[0])
		put(p.to, ruler[0])
	}
	from, to := p.column(i.Earliest), p.column(i.Latest)
	switch {
	case to < 0:
		return pad("◀ "+Signed(i.Latest.Sub(p.middle)), p.columns)
	case from >= p.columns:
		text := Signed(i.Earliest.Sub(p.middle)) + " ▶"
		return pad("", p.columns-len([]rune(text))) + text
	case from == to:
		put(from, runes[4])
		return string(line)
	}
	for at := max(from, 0); at <= min(to, p.columns-1); at++ {
		put(at, runes[1])
	}
	put(p.column(i.Midpoint()), runes[2])
	put(from, runes[0])
	put(to, runes[3])
	return string(line)
}
