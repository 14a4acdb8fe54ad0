package main

import (
	"fmt"
	"runtime"
	"time"
)

func micros(d time.Duration) string { return fmt.Sprintf("%.1f", microseconds(d)) }

func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f", float64(a)/float64(max(b, 1))) }

// widths is the table of ε beside chronyd's bound.
func widths(phases []*phase) *table {
	t := &table{title: "ε beside chronyd's bound", note: "Means, in µs. × is ε by chronyd's bound, × floor by what the formulas allow on a path that is as long as it is named.\n" +
		"wrong: how many intervals did not contain the host's clock, which all servers serve; of chronyd how often its correction was more than its dispersion and half its delay."}
	t.add("round trip", "chronyd", "wrong", "assumed", "ε", "×", "floor", "× floor", "reads", "wrong")
	for _, p := range phases {
		for _, b := range p.beds {
			bound := b.chronyd.bound()
			for _, k := range b.clocks {
				epsilon, least := k.mean(k.epsilon), k.floor(p, b).sum()
				t.add(b.name, micros(bound), fmt.Sprint(b.chronyd.wrong), k.name, micros(epsilon), ratio(epsilon, bound),
					micros(least), ratio(epsilon, least), fmt.Sprint(k.reads), fmt.Sprint(k.wrong))
			}
		}
	}
	return t
}

// limits is the table of what ε is made of, and by the formulas must be.
func limits(phases []*phase) *table {
	t := &table{title: "What limits ε", note: "Means, in µs, each beside what the formulas allow, as in measured/allowed. The first five add up to ε (truetime.Budget).\n" +
		"δ/2: half the round trips that the ends follow from, less the declared distance; what is above the allowed is the client's, mostly\n" +
		"what the wall clock, by which packets are stamped, may have been slewed while the program waited to be woken.\n" +
		"E: what the servers claim, of which up to 22.9 may be the rounding of NTP's fields. Age: how long ago the samples were taken, in ms.\n" +
		"Second best: by how much ε would be less if all four servers were trusted; it is in the others."}
	t.add("round trip", "assumed", "δ/2", "E", "drift", "disagreement", "leap, pause", "ε", "age", "second best")
	for _, p := range phases {
		for _, b := range p.beds {
			for _, k := range b.clocks {
				least := k.floor(p, b)
				both := func(measured, allowed time.Duration) string { return micros(measured) + "/" + micros(allowed) }
				t.add(b.name, k.name, both(k.mean(k.terms.Delay), least.Delay), both(k.mean(k.terms.Claim), least.Claim), both(k.mean(k.terms.Drift), least.Drift),
					micros(k.mean(k.terms.Disagreement)), micros(k.mean(k.terms.Leap+k.terms.Pause)), both(k.mean(k.epsilon), least.sum()),
					fmt.Sprintf("%.0f", milliseconds(k.mean(k.ages))), micros(k.mean(k.epsilon-k.best)))
			}
		}
	}
	return t
}

// bound is the table of what chronyd's bound is made of.
func bounds(phases []*phase) *table {
	t := &table{title: "What chronyd's bound is made of", note: "Means, in µs. ClockBound adds the three."}
	t.add("round trip", "delay/2", "dispersion", "offset", "bound")
	for _, p := range phases {
		for _, b := range p.beds {
			s := &b.chronyd
			t.add(b.name, micros(mean(s.halfDelays, s.reads)), micros(mean(s.dispersions, s.reads)), micros(mean(s.offsets, s.reads)), micros(s.bound()))
		}
	}
	return t
}

// paths is the table of how good the beds are.
func paths(phases []*phase) *table {
	t := &table{title: "The beds themselves", note: "In µs. Late: how long after it was due a datagram left the network, on each way. δ: the round trips that our first clock saw.\n" +
		describe(phases)}
	t.add("round trip", "late p50", "p90", "p99", "max", "δ p50", "p90", "p99")
	for _, p := range phases {
		for i, b := range p.beds {
			late, k := p.network.Late[i], b.clocks[0]
			t.add(b.name, micros(late.P50), micros(late.P90), micros(late.P99), micros(late.Max), micros(k.delay(50)), micros(k.delay(90)), micros(k.delay(99)))
		}
	}
	return t
}

// describe says what the figures were measured with.
func describe(phases []*phase) string {
	if len(phases) == 0 || len(phases[0].beds[0].clocks) == 0 {
		return ""
	}
	k := phases[0].beds[0].clocks[0]
	text := fmt.Sprintf("%s/%s, %d processors, %s; our counter: %s.", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), k.counter)
	if why := phases[0].start.Realtime; why != "" {
		text += " The network had " + why + "."
	}
	return text
}
