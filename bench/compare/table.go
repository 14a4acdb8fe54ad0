package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// rounding is by how much ε may be above another's without being wider: all rules round outward, but not
// at the same places.
const rounding = time.Nanosecond

// figures are one line of the table.
type figures struct {
	mean, p99, max time.Duration
	ratio          float64       // of the mean to the sawtooth's, over the reads that both have answered
	above          int           // reads at which ε is above the sawtooth's by more than rounding
	excess         time.Duration // the most by which it is above
	answers        int
	wrong, none    int
}

func (r *result) figures(contender int) (f figures) {
	s, saw := &r.series[contender], &r.series[theSawtooth]
	f.wrong, f.none = s.wrong, s.none
	var sum, both, reference time.Duration
	sorted := make([]time.Duration, 0, len(s.eps))
	for i, eps := range s.eps {
		if eps == 0 {
			continue
		}
		sorted = append(sorted, eps)
		sum += eps
		if other := saw.eps[i]; other > 0 {
			both, reference = both+eps, reference+other
			if f.excess = max(f.excess, eps-other); eps-other > rounding {
				f.above++
			}
		}
	}
	if f.answers = len(sorted); f.answers == 0 {
		return f
	}
	slices.Sort(sorted)
	f.mean, f.max = sum/time.Duration(len(sorted)), sorted[len(sorted)-1]
	f.p99 = sorted[(len(sorted)*99+99)/100-1]
	f.ratio = float64(both) / float64(max(reference, 1))
	return f
}

// writeTable prints the results. ε is in microseconds.
func writeTable(w io.Writer, results []result) error {
	_, err := fmt.Fprintf(w, "%-6s %-5s %-11s %-18s %9s %9s %9s %7s %8s %7s %6s\n",
		"rtt", "poll", "liar", "rule", "mean µs", "p99", "max", "×saw", "above", "wrong", "none")
	for _, r := range results {
		for i, c := range contenders {
			f := r.figures(i)
			if _, err2 := fmt.Fprintf(w, "%-6s %-5s %-11s %-18s %9.1f %9.1f %9.1f %7.3f %8d %7d %6d\n",
				short(r.rtt), short(r.poll), r.liar.name, c.name, micro(f.mean), micro(f.p99), micro(f.max), f.ratio, f.above, f.wrong, f.none); err == nil {
				err = err2
			}
		}
	}
	return err
}

// writeLegend says what the columns and the rules are.
func writeLegend(w io.Writer, results []result) error {
	var b strings.Builder
	b.WriteString("\nmean, p99, max: ε, half the width of the interval, in microseconds. ×saw: the mean beside the sawtooth's.\n" +
		"above: reads at which ε is above the sawtooth's by more than 1 ns, which is rounding. wrong: answers that do not contain true time. none: reads without an answer.\n\n")
	for _, c := range contenders {
		fmt.Fprintf(&b, "%-18s %s\n", c.name, c.source)
	}
	b.WriteByte('\n')
	for i, c := range contenders {
		var all figures
		for _, r := range results {
			f := r.figures(i)
			all.answers, all.wrong, all.above = all.answers+f.answers, all.wrong+f.wrong, all.above+f.above
			all.excess = max(all.excess, f.excess)
		}
		fmt.Fprintf(&b, "%-18s %d answers, %d wrong, %s with a liar; %d above the sawtooth, by %v at most\n",
			c.name, all.answers, all.wrong, percent(wrongWithALiar(results, i)), all.above, all.excess)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrongWithALiar is how many answers are wrong, of how many, where one of the servers lies.
func wrongWithALiar(results []result, contender int) (wrong, answers int) {
	for _, r := range results {
		if r.liar.behave != nil {
			f := r.figures(contender)
			wrong, answers = wrong+f.wrong, answers+f.answers
		}
	}
	return wrong, answers
}

// percent is a share, or nothing of nothing.
func percent(part, whole int) string {
	if whole == 0 {
		return "none"
	}
	return fmt.Sprintf("%.3g %%", 100*float64(part)/float64(whole))
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// short is a duration without what is nought, in milliseconds below a second.
func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%g ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%g s", d.Seconds())
}
