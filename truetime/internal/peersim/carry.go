package main

import (
	"slices"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
)

// # A fact is carried from one counter to another
//
// B knows of a server S, by exchanges of its own, that T ≤ U when B's counter read u, and T ≥ L when it read l. A neighbour A
// reads its counter (a1) and asks B, which reads its own (b) and answers with what its facts about S have grown to there,
// U' = U + (b−u)(1+ρ') and L' = L + (b−l)(1−ρ'); A reads its counter again (a4). B's reading was after a1 and before a4:
//
//	upper, at a1:  T(a1) ≤ T(b) ≤ U'     the question cannot arrive before it was sent
//	lower, at a4:  T(a4) ≥ T(b) ≥ L'     the answer cannot arrive before it was sent
//
// That is an exchange with S whose stamps are T2 + E = U' and T3 − E = L'. The way to B costs the upper end and the way back costs
// the lower one, so each end may come from another neighbour, and from another exchange. B's drift is in U' and L', A's is what
// A's discipline adds from a1 and a4 on, and readings of either counter are rounded as those of any fact are.
//
// # What has to be assumed
//
// That S is right is A3, as before: the fact votes as S. That B passes on what it has heard, and that B's counter kept to ρ since u and l, is
// new, and no vote of A's guards it: B speaks for all servers at once, so one wrong neighbour is as bad as n wrong servers. With
// at most g neighbours wrong an end that g+1 of them allow is true, as one of these is right: see panel.

// told is what a machine tells about one server: what follows from its facts when its counter reads b.
type told struct {
	agreement.Interval
	ok bool
}

// tell is what the discipline's facts about a server say. Nothing is told of a server that has not been heard, or that
// contradicts itself, and nothing at all by a clock that does not answer.
func tell(d *discipline.Discipline, server int, b monotonic.Instant) told {
	i := d.Interval(server, b)
	_, answers := d.Bounds()
	return told{i, answers && !d.CounterFaulty() && d.Verdict(server) != discipline.Convicted && i.Bounded()}
}

// carried is what was told as a fact of who asked between its readings a1 and a4.
func carried(a1 monotonic.Instant, t told, a4 monotonic.Instant) discipline.Facts {
	return discipline.Facts{Upper: discipline.Point{At: a1, Time: t.Hi}, Lower: discipline.Point{At: a4, Time: t.Lo}}
}

// panel makes facts that are true with up to wrong neighbours wrong. For each server it keeps the best points of each
// neighbour. Of all upper lines the (wrong+1)th lowest is true, since one of those up to it is of a neighbour that is right.
// The same upside down for the lower ones.
type panel struct {
	wrong int
	spec  discipline.CounterSpec
	epoch uint64                       // of the discipline for which it is
	best  [servers][]*discipline.Facts // by neighbour; nil for one that has said nothing
}

// forget drops all that was heard. There are so many machines, and another epoch.
func (p *panel) forget(machines int, epoch uint64) {
	p.epoch = epoch
	for s := range p.best {
		p.best[s] = make([]*discipline.Facts, machines)
	}
}

func (p *panel) take(server, neighbour int, f discipline.Facts) {
	f.Upper.Time += 2 * p.spec.Resolution // of a reading, with its drift
	f.Lower.Time -= 2 * p.spec.Resolution
	old := p.best[server][neighbour]
	if old == nil {
		p.best[server][neighbour] = &f
		return
	}
	now := f.Lower.At
	was, is := old.At(now, p.spec), f.At(now, p.spec)
	if is.Hi < was.Hi {
		old.Upper = f.Upper
	}
	if is.Lo > was.Lo {
		old.Lower = f.Lower
	}
}

// fact is what the neighbours say together about a server when the counter reads now, if enough of them have said something.
func (p *panel) fact(server int, now monotonic.Instant) (discipline.Facts, bool) {
	highs, lows := make([]int64, 0, p.wrong+2), make([]int64, 0, p.wrong+2)
	for _, f := range p.best[server] {
		if f != nil {
			i := f.At(now, p.spec)
			highs, lows = lowest(highs, i.Hi, p.wrong+1), lowest(lows, -i.Lo, p.wrong+1)
		}
	}
	if len(highs) <= p.wrong {
		return discipline.Facts{}, false
	}
	return discipline.Facts{
		Upper: discipline.Point{At: now, Time: highs[p.wrong]},
		Lower: discipline.Point{At: now, Time: -lows[p.wrong]},
	}, true
}

// lowest adds t to some values in rising order, and keeps the lowest.
func lowest(values []int64, t int64, keep int) []int64 {
	at, _ := slices.BinarySearch(values, t)
	values = slices.Insert(values, at, t)
	return values[:min(len(values), keep)]
}
