package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
)

// fleetLines say in a status how the fleet is.
func fleetLines(f *api.FleetSummary) string {
	if f == nil {
		return ""
	}
	var b strings.Builder
	text := fmt.Sprintf("%s, one of %d machines, of which %d may be wrong", plain(f.Entry), f.Machines, f.Faulty)
	if len(f.Convicted) == 0 && !f.TooMany && !f.Wrong {
		text += "; none is proved wrong"
	}
	b.WriteString(labelled("fleet", text))
	const most = 8
	for i, p := range f.Problems {
		if i == most && len(f.Problems) > most+1 {
			b.WriteString(labelled("", fmt.Sprintf("and %d problems more: epsilon fleet --json", len(f.Problems)-most)))
			break
		}
		b.WriteString(labelled("", plain(p.Text)))
	}
	return b.String()
}

// fleetRow is a machine as it is drawn.
type fleetRow struct {
	name string
	peer *fleet.PeerView // nil for this machine
	rank int             // those that something is wrong with come first
}

// Fleet is a screen that shows how the machines of a fleet contradict each other: a line for each, and a column for each, with ✗ where the machine
// of the line has proved that it contradicts that of the column. Those that have no place in height lines are counted.
func Fleet(f api.Fleet, height int) string {
	lines := strings.Split(Wrap(fleetHeadline(f), Width, ""), "\n")
	lines = append(lines, "")
	var problems []string
	for _, p := range f.Problems {
		problems = append(problems, strings.Split("! "+Wrap(plain(p.Text), Width-2, "  "), "\n")...)
	}
	rows := rowsOf(f)
	room := max(height-len(lines)-3, 4)                            // a header, a line between, and one that counts
	forProblems := min(len(problems), max(room-len(rows), room/2)) // but half of it if there is not enough
	lines = append(lines, fleetTable(f, rows, room-forProblems)...)
	if len(problems) > 0 {
		lines = append(lines, "")
	}
	if len(problems) > forProblems {
		problems = append(problems[:forProblems-1], "  and more: epsilon fleet --json")
	}
	return strings.Join(append(lines, problems...), "\n") + "\n"
}

func fleetHeadline(f api.Fleet) string {
	text := fmt.Sprintf("This is %s, one of %d machines, of which %d may be wrong. ", plain(f.Entry), f.Machines, f.Faulty)
	names := fleet.Verdict{Convicted: f.Convicted}.Names()
	switch {
	case f.TooMany:
		return text + "More are wrong, so nobody can say which."
	case len(names) == 1:
		return text + "Proved wrong: " + plain(names[0]) + "."
	case len(names) > 1:
		return text + fmt.Sprintf("Proved wrong are %d: %s.", len(names), Fit(plain(strings.Join(names, ", ")), 2*Width))
	case len(f.Contradictions) > 0:
		return text + "Some contradict each other, and it is not proved yet who is wrong."
	}
	if !slices.ContainsFunc(f.Peers, fleet.PeerView.IsCompared) {
		return text + "It has not been compared with another one lately."
	}
	return text + "No two are known to contradict each other."
}

// rowsOf orders the machines: this one, then those that are convicted, that contradict somebody, that do not answer, and all others.
func rowsOf(f api.Fleet) []fleetRow {
	edges := map[string]bool{} // those of which it is not known who is wrong
	for _, c := range f.Contradictions {
		if !isConvicted(f, c.By) && !isConvicted(f, c.Machine) {
			edges[c.By], edges[c.Machine] = true, true
		}
	}
	rows := []fleetRow{{name: f.Entry}}
	for _, p := range f.Peers {
		if p.Self || p.SameAs != "" {
			continue
		}
		row := fleetRow{p.Entry, &p, 4}
		switch {
		case isConvicted(f, p.Entry):
			row.rank = 1
		case edges[p.Entry]:
			row.rank = 2
		case p.Heard < 0 || f.IsSilent(p.Entry):
			row.rank = 3
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows[1:], func(a, b fleetRow) int { return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.name, b.name)) })
	return rows
}

func isConvicted(f api.Fleet, name string) bool {
	return slices.ContainsFunc(f.Convicted, func(c fleet.Conviction) bool { return c.Machine == name })
}

const (
	machineColumns = 21
	matrixColumns  = 16
)

func fleetTable(f api.Fleet, rows []fleetRow, most int) (lines []string) {
	left := 0
	if len(rows) > most {
		left = len(rows) - most
		rows = rows[:most]
	}
	across := rows[:min(len(rows), matrixColumns)]
	header := ""
	for i := range across {
		header += fmt.Sprint((i + 1) % 10)
	}
	lines = append(lines, fmt.Sprintf("    %-*s %-19s %8s %5s  %s", machineColumns+2, "MACHINE", "ITS CLOCK IS AHEAD", "DELAY", "HEARD", header))
	proved := map[[2]string]bool{}
	for _, c := range f.Contradictions {
		proved[[2]string{c.By, c.Machine}] = true
	}
	for i, row := range rows {
		mark, offset, delay, heard := "✓", "this machine", "", ""
		if p := row.peer; p != nil {
			offset = offsetText(*p)
			heard = "never"
			if p.Heard >= 0 {
				heard, delay = brief(p.Heard), Duration(p.RoundTrip)
			}
			if !p.IsCompared() {
				mark = "·"
			}
		}
		switch {
		case isConvicted(f, row.name), row.peer == nil && len(f.Alone) > 0:
			mark = "✗"
		case row.rank == 2:
			mark = "?"
		case row.rank == 3:
			mark = "!"
		}
		matrix := ""
		for _, column := range across {
			switch {
			case proved[[2]string{row.name, column.name}]:
				matrix += "✗"
			case row.name == column.name:
				matrix += "\\"
			case row.peer == nil && column.peer.IsCompared():
				matrix += "✓"
			default:
				matrix += "·"
			}
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %3d %s %s %8s %5s  %s", mark, i+1, pad(Fit(plain(row.name), machineColumns), machineColumns),
			pad(Fit(offset, 19), 19), Fit(delay, 8), Fit(heard, 5), matrix), " "))
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more: epsilon fleet --json", left))
	}
	return lines
}

// offsetText writes the interval of offsets that the last comparison has shown.
func offsetText(p fleet.PeerView) string {
	switch {
	case p.NoAnswer:
		return "it has no answer"
	case p.Compared < 0:
		return "not compared"
	case !p.IsCompared():
		return "not compared lately"
	}
	half := p.Offset.Most/2 - p.Offset.Least/2 // no sum of the two can overflow
	return Signed(p.Offset.Least+half) + " ± " + Duration(half)
}
