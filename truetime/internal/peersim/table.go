package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// series is what one clock answered.
type series struct {
	eps   []time.Duration // of each answer
	wrong int             // answers without true time
	none  int             // reads without an answer
}

// result is what came of an experiment, all watched machines together.
type result struct {
	experiment
	floor time.Duration
	of    [variants]series
	ended [variants]uint64 // epochs, on all watched machines
}

func (s *site) result() result {
	r := result{experiment: s.experiment, floor: s.floor()}
	for _, m := range s.all[:s.watched()] {
		for v := range variants {
			r.of[v].add(m.heard[v])
			if d := m.clocks[v]; d != nil {
				r.ended[v] += d.Epoch() - 1
			}
		}
	}
	return r
}

func (s *series) add(more series) {
	s.eps = append(s.eps, more.eps...)
	s.wrong += more.wrong
	s.none += more.none
}

func (s series) mean() time.Duration {
	var sum time.Duration
	for _, eps := range s.eps {
		sum += eps
	}
	return sum / time.Duration(max(len(s.eps), 1))
}

// p95 is the ε which 95 % of the answers do not exceed.
func (s series) p95() time.Duration {
	if len(s.eps) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.eps))
	return sorted[(len(sorted)*95+99)/100-1]
}

// writeTable prints ε, in microseconds.
func writeTable(w io.Writer, results []result) error {
	var b strings.Builder
	b.WriteString("| round trip | poll | jitter | n | floor |")
	for v := range variants {
		fmt.Fprintf(&b, " %s |", variantNames[v])
	}
	b.WriteString("\n|---|---|---|---|---|" + strings.Repeat("---|", int(variants)) + "\n")
	answers, wrong, none := 0, 0, 0
	for _, r := range results {
		fmt.Fprintf(&b, "| %v | %v | %v %s | %d | %.0f |", r.base, r.poll, r.jitter, queueNames[r.queue], r.machines, micro(r.floor))
		for v := range variants {
			s, beside := r.of[v], r.of[alone].mean()
			if len(s.eps)+s.none == 0 {
				b.WriteString(" |") // the site is too small
				continue
			}
			if v == both {
				beside = r.of[steady].mean()
			}
			fmt.Fprintf(&b, " %.0f, %.0f", micro(s.mean()), micro(s.p95()))
			if v != alone {
				fmt.Fprintf(&b, "; %.2f ×", float64(beside)/float64(max(s.mean(), 1)))
			}
			b.WriteString(" |")
			answers, wrong, none = answers+len(s.eps), wrong+s.wrong, none+s.none
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%d answers, %d wrong; %d reads without an answer. Mean and 95 %% of ε in µs; × narrower than alone (the last column: than alone with A4), on the same exchanges.\n", answers, wrong, none)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeLies prints how many answers are wrong, how many there are not, and how many epochs have ended.
func writeLies(w io.Writer, results []result) error {
	shown := []variant{alone, direct, guarded, relayed, served, both}
	var b strings.Builder
	b.WriteString("| one machine | n |")
	for _, v := range shown {
		fmt.Fprintf(&b, " %s |", variantNames[v])
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(shown)) + "\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %d |", lieNames[r.lie], r.machines)
		for _, v := range shown {
			s := r.of[v]
			if len(s.eps)+s.none == 0 {
				b.WriteString(" |")
				continue
			}
			reads := float64(max(len(s.eps)+s.none, 1))
			fmt.Fprintf(&b, " %.3g %%, %.3g %%, %d |", 100*float64(s.wrong)/reads, 100*float64(s.none)/reads, r.ended[v])
		}
		b.WriteByte('\n')
	}
	b.WriteString("\nOf all reads: wrong, without an answer; and the epochs that have ended. Round trip 1 ms, jitter 1 ms, exponential, poll 1 s.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
