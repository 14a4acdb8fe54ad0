package main

import (
	"fmt"
	"runtime"
	"time"
)

func micros(d time.Duration) string { return fmt.Sprintf("%.1f", microseconds(d)) }

// marked explains the mark of row.
var marked = fmt.Sprintf("† More than one datagram in 100 left late by more than 1/%d of the shortest way: the path was longer than it is named.", lateShare)

// widths is the table of ε beside chronyd's bound.
func widths(phases []*phase) *table {
	var bracket time.Duration
	t := &table{title: "ε beside chronyd's bound"}
	t.add("round trip", "chronyd", "wrong", "assumed", "ε", "×", "expected", "× expected", "as it was", "× that", "reads", "wrong")
	for _, p := range phases {
		for i, b := range p.beds {
			for _, k := range b.clocks {
				bracket = max(bracket, k.bracket)
				expected, asItWas := k.expected(p, b, nil).sum(), k.expected(p, b, p.network.Late[i].All).sum()
				t.add(p.row(i), b.bounds.String(), fmt.Sprint(b.chronyd.wrong), k.name, k.epsilons.String(), k.epsilons.over(&b.bounds),
					micros(expected), k.epsilons.overAll(expected), micros(asItWas), k.epsilons.overAll(asItWas), fmt.Sprint(k.reads), fmt.Sprint(k.wrong))
			}
		}
	}
	t.note = fmt.Sprintf("Means, in µs, and in brackets the least and the greatest of those of %d blocks of the reads. × is ε by chronyd's bound, block by block. × expected is\n"+
		"ε by what follows from the formulas on a path that is as long as it is named, for servers that claim what these did, and × that the same on the path as\n"+
		"it was: with datagrams as late as these.\n"+
		"wrong: how many intervals did not contain the host's clock, which all servers serve, by two readings of it %s µs apart at most; of chronyd how often\n"+
		"its correction, which is exactly how far it is off, was more than its dispersion and half its delay.\n%s", blockCount, micros(bracket), marked)
	return t
}

// limits is the table of what ε is made of, and by the formulas must be.
func limits(phases []*phase) *table {
	t := &table{title: "What limits ε", note: "Means, in µs, some beside what the formulas let expect on the path as it was, as in measured/expected. The first five add up to ε (truetime.Budget).\n" +
		"δ/2: half the round trips that the ends follow from, less the declared distance; what is above the expected is the client's and the server's, mostly\n" +
		"what the wall clock, by which packets are stamped, may have been slewed while a program waited to be woken. Finer is with sharp stamps, too.\n" +
		"E: what the servers claim. They serve their own clock, so it is nothing but the rounding of NTP's fields, 22.9 of chronyd's and 38.2 of ours, and next to\n" +
		"nothing where it is asked for finer bounds. Age: how long ago the samples were taken, in ms.\n" +
		"Second best: by how much ε would be less if all four servers were trusted; it is in the others.\n" + marked}
	t.add("round trip", "assumed", "δ/2", "E", "drift", "disagreement", "leap, pause", "ε", "age", "second best")
	for _, p := range phases {
		for i, b := range p.beds {
			for _, k := range b.clocks {
				expected := k.expected(p, b, p.network.Late[i].All)
				both := func(measured, expected time.Duration) string { return micros(measured) + "/" + micros(expected) }
				t.add(p.row(i), k.name, both(k.mean(k.terms.Delay), expected.Delay), micros(k.mean(k.terms.Claim)), both(k.mean(k.terms.Drift), expected.Drift),
					micros(k.mean(k.terms.Disagreement)), micros(k.mean(k.terms.Leap+k.terms.Pause)), both(k.mean(k.epsilon), expected.sum()),
					fmt.Sprintf("%.0f", milliseconds(k.mean(k.ages))), micros(k.mean(k.epsilon-k.best)))
			}
		}
	}
	return t
}

// bound is the table of what chronyd's bound is made of.
func bounds(phases []*phase) *table {
	t := &table{title: "What chronyd's bound is made of", note: "Means, in µs. ClockBound adds the three.\n" + marked}
	t.add("round trip", "delay/2", "dispersion", "offset", "bound")
	for _, p := range phases {
		for i, b := range p.beds {
			s := &b.chronyd
			n := s.bounds.count()
			t.add(p.row(i), micros(mean(s.halfDelays, n)), micros(mean(s.dispersions, n)), micros(mean(s.offsets, n)), micros(s.bounds.mean()))
		}
	}
	return t
}

// paths is the table of how good the beds are.
func paths(phases []*phase) *table {
	t := &table{title: "The beds themselves", note: "In µs. Late: how long after it was due a datagram left the network, on each way. δ: the round trips that our first clock saw.\n" +
		marked + "\n" + describe(phases)}
	t.add("round trip", "late p50", "p90", "p99", "max", "δ p50", "p90", "p99")
	for _, p := range phases {
		for i, b := range p.beds {
			late, k := p.network.Late[i], b.clocks[0]
			t.add(p.row(i), micros(late.P50), micros(late.P90), micros(late.P99), micros(late.Max), micros(k.delay(50)), micros(k.delay(90)), micros(k.delay(99)))
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
	text := fmt.Sprintf("%s/%s, %d processors, %s; %s; our counter: %s.", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), phases[0].version, k.counter)
	if why := phases[0].start.Realtime; why != "" {
		text += " The network had " + why + "."
	}
	for _, p := range phases {
		if p.steered != "" {
			return text + fmt.Sprintf(" During %s the host's clock, which is true time here, was not left alone: %s.", p.what, p.steered)
		}
	}
	return text + " Nobody steered the host's clock (adjtimex)."
}
