package main

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// conditions are what the formulas say how wide an interval must be under.
type conditions struct {
	path         path
	late         []time.Duration // percentiles of how much longer the ways were than that; none on a path that is as it is named
	poll         time.Duration   // the least there is between two polls of a server
	drift        float64         // that is assumed, in ppm
	claim        time.Duration   // E, as the servers stated it
	known        time.Duration   // what each way takes at least, as declared
	wander       bool            // A4 is assumed
	settle, span time.Duration   // reads begin and end
}

// terms are what an interval's half width is made of.
type terms struct{ Delay, Claim, Drift time.Duration }

func (t terms) sum() time.Duration { return t.Delay + t.Claim + t.Drift }

const (
	expectedRuns = 100
	expectedSeed = 1
	// pollJitter lengthens each wait by up to so much (package polling).
	pollJitter = 0.1
)

// expected is the mean ε that follows from the formulas of docs/design.md under these conditions, on a machine that takes no time at all for
// anything: stamps at the very moment, a counter without resolution, and clients that ask as ours do, for as long, on the path as it is named or, with late,
// as it was. Where all datagrams take the same that is the least there can be; where they do not it is an expectation, and a run may be
// below it by luck.
//
// Each exchange gives two facts (5.1). The upper one is late by the request's way, the lower one by the reply's. Both age at a rate of
// growth, and each source has its best of each. One source of four may be wrong, so the second best counts (5.3), and the fused
// facts age in their turn and are kept where they are still better (5.4).
func expected(c conditions) terms {
	random := rand.New(rand.NewPCG(expectedSeed, 2))
	var sum terms
	reads := 0
	for range expectedRuns {
		w := ideal{conditions: c, growth: growth(c), random: random}
		t, n := w.run()
		sum.Delay += t.Delay
		sum.Drift += t.Drift
		reads += n
	}
	return terms{mean(sum.Delay, reads), c.claim, mean(sum.Drift, reads)}
}

// growth is how fast the ends of an interval move away from true time. Without A4 that is ρ' = ρ/(1−ρ). With it, it is by how much the
// mean rate between two facts that are τ apart can differ from the present rate (5.5): what the facts leave open, 2ε/τ, and
// the wander since the middle between them, wτ/2; of all τ since the start the best, and no more than ρ'.
func growth(c conditions) float64 {
	rho := c.drift * 1e-6
	best := rho / (1 - rho)
	if !c.wander {
		return best
	}
	epsilon := (c.path.Least + c.claim - c.known).Seconds()
	for tau := time.Second; tau <= c.settle+c.span/2; tau += time.Second {
		best = min(best, 2*epsilon/tau.Seconds()+wanderPPB*1e-9*tau.Seconds()/2)
	}
	return best
}

// ideal is a run of such a machine.
type ideal struct {
	conditions
	growth float64
	random *rand.Rand
	ends   [2]end // upper, lower
}

// end is one end of the interval: the best fact of each source, and the fused one.
type end struct {
	sources [serverCount]fact
	fused   fact
}

// fact is how far an end is from true time at some moment: by the way of a datagram, and by what it has aged.
type fact struct {
	way  time.Duration
	from time.Duration // when the fact was true; the run begins at 0
	true bool          // there is one
}

func (w *ideal) aged(f fact, at time.Duration) time.Duration {
	return time.Duration(float64(at-f.from) * w.growth)
}

func (w *ideal) better(f, than fact, at time.Duration) bool {
	return f.true && (!than.true || f.way+w.aged(f, at) < than.way+w.aged(than, at))
}

// run adds up the terms of all reads. In a round all servers are asked, in two turns, as the library does where one of four may be wrong
// (package engine, turns.go).
func (w *ideal) run() (sum terms, reads int) {
	read, end := w.settle, w.settle+w.span
	for at := time.Duration(0); read < end; {
		for _, r := range w.round(at) {
			for ; read < min(r.at, end); read += pause {
				sum, reads = w.read(sum, read), reads+1
			}
			w.take(r)
		}
		at += w.path.median() + time.Duration(float64(w.poll)*(1+pollJitter*w.random.Float64()))
	}
	return sum, reads
}

// way is how long a datagram takes.
func (w *ideal) way() time.Duration {
	way := w.path.draw(w.random)
	if len(w.late) > 0 {
		way += w.late[w.random.IntN(len(w.late))]
	}
	return way
}

// turn is how long after the first server one is asked.
func turn(poll time.Duration, server int) time.Duration {
	const turns, mean = 2, 1 + pollJitter/2
	return time.Duration(mean*float64(poll)) * time.Duration(server%turns) / turns
}

// round is the exchanges of a round in the order in which they end.
func (w *ideal) round(at time.Duration) (replies []reply) {
	for source := range serverCount {
		there, back := w.way(), w.way()
		sent := at + turn(w.poll, source)
		got := sent + there + back
		replies = append(replies, reply{source, got, fact{there, sent, true}, fact{back, got, true}})
	}
	slices.SortFunc(replies, func(a, b reply) int { return cmp.Compare(a.at, b.at) })
	return replies
}

// reply is an exchange that ends at a moment.
type reply struct {
	source       int
	at           time.Duration
	upper, lower fact
}

func (w *ideal) take(r reply) {
	for i, f := range []fact{r.upper, r.lower} {
		e := &w.ends[i]
		if w.better(f, e.sources[r.source], r.at) {
			e.sources[r.source] = f
		}
		if second, ok := w.secondBest(e, r.at); ok && w.better(second, e.fused, r.at) {
			e.fused = second
		}
	}
}

// secondBest is the fact that all but one of the sources confirm.
func (w *ideal) secondBest(e *end, at time.Duration) (fact, bool) {
	sorted := e.sources
	slices.SortFunc(sorted[:], func(a, b fact) int {
		switch {
		case w.better(a, b, at):
			return -1
		case w.better(b, a, at):
			return 1
		}
		return 0
	})
	return sorted[1], sorted[0].true && sorted[1].true
}

func (w *ideal) read(sum terms, at time.Duration) terms {
	for _, e := range w.ends {
		sum.Delay += (e.fused.way - w.known) / 2
		sum.Drift += w.aged(e.fused, at) / 2
	}
	return sum
}
