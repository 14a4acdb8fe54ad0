package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// schedule is how a machine spends its datagrams. Both send as many.
type schedule uint8

const (
	single schedule = iota // one exchange with each server every poll
	paired                 // two every other poll, the second one as soon as the first one's reply has come
	schedules
)

// paired exchanges may have the better way there in one of them and the better way back in the other. The
// discipline takes the two facts of an exchange apart anyway, and so has nothing to be told.

// assumed is without A4 and with it.
var assumed = []variant{alone, steady}

// pairsResult is what both schedules gave, by schedule and variant.
type pairsResult struct {
	experiment
	floor time.Duration
	asked [schedules]int // exchanges
	of    [schedules][variants]series
}

// pairMachines is how many machines there are of each schedule, and pairWarmUp for how many polls they are
// not read: the rate has to be learnt.
const (
	pairMachines = 8
	pairWarmUp   = 60
)

// forPairs is round trips and queues of all kinds but those that last, which two exchanges in quick
// succession share.
func forPairs(seed uint64, polls int) (all []experiment) {
	for _, poll := range []time.Duration{time.Second, 16 * time.Second} {
		for _, base := range []time.Duration{100 * time.Microsecond, time.Millisecond, 20 * time.Millisecond} {
			for _, q := range []queue{exponential, uniform, oneSided, commonShort} {
				for _, tenths := range []time.Duration{1, 3, 10, 30} {
					all = append(all, experiment{machines: pairMachines, base: base, jitter: tenths * 100 * time.Microsecond, queue: q, poll: poll, polls: polls, seed: seed})
				}
			}
		}
	}
	return all
}

func (e experiment) runPairs() pairsResult {
	s := &site{network: newNetwork(e), end: instant(e.polls+pairWarmUp) * after(e.poll)}
	var machines [schedules][]*machine
	for range e.machines {
		rate, origin := e.rate(s.rng), s.rng.Int64N(1e15)
		for way := range schedules {
			m := &machine{rate: rate, origin: origin}
			for _, v := range assumed {
				m.clocks[v] = newDiscipline(v)
			}
			machines[way] = append(machines[way], m)
			for server := range servers {
				s.spend(m, server, way)
			}
			s.every(after(e.poll)*97/1000, instant(pairWarmUp)*after(e.poll), func() { m.look(s.now) })
		}
	}
	s.play()
	r := pairsResult{experiment: e, floor: s.floor()}
	for way, all := range machines {
		for _, m := range all {
			r.asked[way] += m.asked
			for _, v := range assumed {
				r.of[way][v].add(m.heard[v])
			}
		}
	}
	return r
}

// spend plans what a machine asks a server.
func (s *site) spend(m *machine, server int, way schedule) {
	if way == single {
		s.again(s.poll, func() { s.ask(m, server, assumed...) })
		return
	}
	s.again(2*s.poll, func() {
		s.exchange(m, server, assumed, func() { s.ask(m, server, assumed...) })
	})
}

// writePairs prints ε, in microseconds.
func writePairs(w io.Writer, results []pairsResult) error {
	var b strings.Builder
	b.WriteString("| poll | round trip | queues | floor | one each poll | two every other | × | the same with A4 | | × |\n|---|---|---|---|---|---|---|---|---|---|\n")
	answers, wrong, none := 0, 0, 0
	var asked [schedules]int
	for _, r := range results {
		asked[single], asked[paired] = asked[single]+r.asked[single], asked[paired]+r.asked[paired]
		fmt.Fprintf(&b, "| %v | %v | %v %s | %.0f |", r.poll, r.base, r.jitter, queueNames[r.queue], micro(r.floor))
		for _, v := range assumed {
			one, two := r.of[single][v], r.of[paired][v]
			fmt.Fprintf(&b, " %.0f, %.0f | %.0f, %.0f | %.2f |", micro(one.mean()), micro(one.p95()), micro(two.mean()), micro(two.p95()),
				float64(one.mean())/float64(max(two.mean(), 1)))
			for _, s := range []series{one, two} {
				answers, wrong, none = answers+len(s.eps), wrong+s.wrong, none+s.none
			}
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%d answers, %d wrong; %d reads without an answer. Mean and 95 %% of ε in µs; × narrower with two exchanges every other poll than with one each poll. That was %d exchanges beside %d.\n",
		answers, wrong, none, asked[paired], asked[single])
	_, err := io.WriteString(w, b.String())
	return err
}
