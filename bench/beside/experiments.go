package main

import (
	"context"
	"fmt"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// The experiments ask what else could be made of a poll: none of it is in the library. They are tried on the quiet and on the
// busy machine, without and with A4.
var tried = []variant{
	{name: "one exchange a second", often: 1},
	{name: "one each half second", often: 2},
	{name: "two in succession a second", often: 1, twice: true},
	{name: "one a second, sharp stamps", often: 1, options: []ntpsrc.ServerOption{ntpsrc.WithSharpStamps()}},
	{name: "one a second, program's stamps", often: 1, options: []ntpsrc.ServerOption{ntpsrc.WithoutKernelStamps()}},
}

// packets is how many exchanges a second that takes, of which the waits between polls are longer by up to a tenth.
func (v variant) packets() int {
	if v.twice {
		return 2 * v.often
	}
	return v.often
}

// experiments is what is tried where the user asks for it.
func experiments() []*phase {
	var variants []variant
	for _, v := range tried {
		v.wander = false
		variants = append(variants, v)
		v.wander = true
		variants = append(variants, v)
	}
	return []*phase{
		{what: "experiments, quiet", beds: []*bed{on(flat, ""), on(wide, "")},
			variants: variants, settle: settling, span: reading},
		{what: "experiments, busy", beds: []*bed{on(flat, ", busy"), on(wide, ", busy")},
			variants: variants, busy: true, settle: settling, span: reading},
	}
}

// comparison is the table of the experiments.
func comparison(phases []*phase) *table {
	t := &table{title: "Better use of the same packets", note: "Mean ε in µs, and × that of one exchange a second; both with the least and the greatest of three blocks. δ: the median round trip.\n" + marked}
	t.add("round trip", "asked", "exchanges/s", "δ", "A1 to A3", "×", "with A4", "×", "wrong")
	for _, p := range phases {
		for i, b := range p.beds {
			first, firstStill := b.clocks[0], b.clocks[1]
			for j := 0; j < len(b.clocks); j += 2 {
				k, s := b.clocks[j], b.clocks[j+1]
				t.add(p.row(i), k.name, fmt.Sprint(k.packets()), micros(k.delay(50)), k.epsilons.String(), k.epsilons.over(&first.epsilons),
					s.epsilons.String(), s.epsilons.over(&firstStill.epsilons), fmt.Sprint(k.wrong+s.wrong))
			}
		}
	}
	return t
}

// askedTwice makes each poll two exchanges in quick succession.
type askedTwice struct{ truetime.Source }

// Sample returns the narrower of two samples.
func (s askedTwice) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	first, err := s.Source.Sample(ctx, counter)
	if err != nil {
		return first, err
	}
	second, err := s.Source.Sample(ctx, counter)
	if err != nil || first.Delay < second.Delay {
		return first, nil
	}
	return second, nil
}
