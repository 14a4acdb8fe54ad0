package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// pictured is how much of a world the picture shows, from its beginning.
const pictured = 10 * time.Minute

// stroke is how a contender is drawn. Those that often coincide are of different width, the wider one
// below.
type stroke struct {
	color string
	width float64
}

// Sizes in the picture, in its units.
const (
	panelWidth, panelHeight = 290.0, 190.0
	gap                     = 22.0
	left, top, bottom       = 62.0, 66.0, 42.0
)

// The vertical axis is logarithmic and the same in all panels.
const epsMin, epsMax = 20 * time.Microsecond, 30 * time.Millisecond

// picture draws ε over time as an SVG 1.1 document: a panel for each experiment, a row for each round
// trip, a column for each poll.
func picture(results []result) []byte {
	var b strings.Builder
	width := left + float64(len(polls))*(panelWidth+gap)
	height := top + float64(len(roundTrips))*(panelHeight+gap) + bottom
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="11" fill="#333">`+"\n", width, height)
	b.WriteString("<title>Uncertainty of different clocks on identical samples</title>\n")
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%g" y="18" font-size="14">ε, half the width of the interval, on identical samples; four honest servers</text>`+"\n", left)
	legend(&b)
	for row, rtt := range roundTrips {
		for column, poll := range polls {
			x, y := left+float64(column)*(panelWidth+gap), top+float64(row)*(panelHeight+gap)
			fmt.Fprintf(&b, `<g transform="translate(%g %g)">`+"\n", x, y)
			grid(&b, column == 0, row == len(roundTrips)-1)
			for _, r := range results {
				if r.rtt == rtt && r.poll == poll {
					curves(&b, &r)
				}
			}
			fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="end" font-weight="bold">round trip %s, poll %s</text>`+"\n</g>\n", panelWidth-6, panelHeight-8, short(rtt), short(poll))
		}
	}
	fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle">minutes since the clock started</text>`+"\n", left+(width-left)/2, height-8)
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func legend(b *strings.Builder) {
	x := left
	for _, c := range contenders {
		if c.stroke.color == "" {
			continue
		}
		fmt.Fprintf(b, `<path d="M%g 40h26" stroke="%s" stroke-width="%g"/><text x="%g" y="44">%s</text>`+"\n", x, c.stroke.color, c.stroke.width, x+31, c.name)
		x += 55 + 6.2*float64(len(c.name))
	}
}

// grid draws a panel without its curves.
func grid(b *strings.Builder, labelled, lowest bool) {
	fmt.Fprintf(b, `<rect width="%g" height="%g" fill="none" stroke="#999"/>`+"\n", panelWidth, panelHeight)
	for _, eps := range []time.Duration{100 * time.Microsecond, time.Millisecond, 10 * time.Millisecond} {
		fmt.Fprintf(b, `<path d="M0 %.1fh%g" stroke="#ddd"/>`, up(eps), panelWidth)
		if labelled {
			fmt.Fprintf(b, `<text x="-6" y="%.1f" text-anchor="end">%s</text>`, up(eps)+4, short(eps))
		}
	}
	for minute := 0; minute <= 10; minute += 2 {
		x := along(time.Duration(minute) * time.Minute)
		fmt.Fprintf(b, `<path d="M%.1f %gv-4" stroke="#999"/>`, x, panelHeight)
		if lowest {
			fmt.Fprintf(b, `<text x="%.1f" y="%g" text-anchor="middle">%d</text>`, x, panelHeight+15, minute)
		}
	}
	b.WriteByte('\n')
}

func curves(b *strings.Builder, r *result) {
	for i, c := range contenders {
		if c.stroke.color == "" {
			continue
		}
		var line []point
		for k, eps := range r.series[i].eps {
			if at := time.Duration(k+1) * readEvery; eps > 0 && at <= pictured {
				line = append(line, point{along(at), up(eps)})
			}
		}
		fmt.Fprintf(b, `<path fill="none" stroke="%s" stroke-width="%g" stroke-linejoin="round" d="`, c.stroke.color, c.stroke.width)
		for k, p := range simplified(line) {
			before := " " // a line follows a line without being named
			if k == 0 {
				before = "M"
			}
			fmt.Fprintf(b, "%s%.1f %.1f", before, p.x, p.y)
		}
		b.WriteString(`"/>` + "\n")
	}
}

type point struct{ x, y float64 }

func along(t time.Duration) float64 { return panelWidth * float64(t) / float64(pictured) }

func up(eps time.Duration) float64 {
	eps = min(max(eps, epsMin), epsMax)
	return panelHeight * (1 - math.Log(float64(eps)/float64(epsMin))/math.Log(float64(epsMax)/float64(epsMin)))
}

// simplified leaves out points that are nearly on the line between those that are left (Douglas and
// Peucker, Cartographica 10(2), 1973).
func simplified(line []point) []point {
	const nearly = 0.7
	if len(line) < 3 {
		return line
	}
	first, last := line[0], line[len(line)-1]
	farthest, at := 0.0, 0
	for i, p := range line[1 : len(line)-1] {
		level := first.y + (last.y-first.y)*(p.x-first.x)/(last.x-first.x)
		if d := math.Abs(p.y - level); d > farthest {
			farthest, at = d, i+1
		}
	}
	if farthest <= nearly {
		return []point{first, last}
	}
	return append(simplified(line[:at+1]), simplified(line[at:])[1:]...)
}
