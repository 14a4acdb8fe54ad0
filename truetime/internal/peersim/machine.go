package main

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
)

// variant is what a clock makes of a site.
type variant uint8

const (
	alone   variant = iota // the machine's own exchanges
	often                  // it asks the servers n times as often instead, every 10 ms at most
	direct                 // it asks all neighbours every second for what their own exchanges say
	guarded                // the same, and one neighbour may be wrong
	relayed                // it asks five neighbours every second for all that they know, from wherever
	served                 // it asks four machines of the site every second, as NTP servers, and they ask the servers every second
	steady                 // alone, with WithMaxWander(100)
	both                   // direct, with WithMaxWander(100)
	variants
)

var variantNames = [variants]string{"alone", "n × as often", "all, direct", "one may be wrong", "five, relayed", "four that serve NTP", "alone, A4", "all, A4"}

// askEvery is how often a neighbour is asked, and a fleet's machine asks so many of them.
const (
	askEvery   = time.Second
	fleetAsks  = 5
	oftenLeast = 10 * time.Millisecond
)

// declared is what a machine assumes of its counter; honest ones keep to realRate.
const (
	declaredPPB = 200_000
	realRate    = 30e-6
)

var counterSpec = discipline.CounterSpec{Drift: discipline.NewDrift(declaredPPB), Resolution: 1}

// machine is one of a site. Its clocks hear the same exchanges.
type machine struct {
	index  int
	rate   float64 // by which the counter runs fast, as a fraction
	origin int64
	stall  instant // for so long the counter stands still every stallEvery, unseen
	lie    lie
	clocks [variants]*discipline.Discipline // nil for those that nobody looks at
	panel  panel
	asked  int // exchanges with servers
	heard  [variants]series
}

const stallEvery = 20 * time.Second

func newMachine(index int, e experiment, rng *rand.Rand) *machine {
	m := &machine{index: index, rate: e.rate(rng), origin: rng.Int64N(1e15), panel: panel{wrong: 1, spec: counterSpec}}
	for v := range variants {
		everybody := v == alone || v == relayed
		if v == served && e.servingFrom() == nobody {
			continue
		}
		if everybody || index < e.watched() || v == served && index >= e.servingFrom() {
			m.clocks[v] = newDiscipline(v)
		}
	}
	return m
}

func newDiscipline(v variant) *discipline.Discipline {
	config := discipline.Config{Counter: counterSpec, Faulty: (servers - 1) / 2}
	for s := range servers {
		config.Voter = append(config.Voter, s)
	}
	if v == steady || v == both {
		config.Stability = discipline.NewStability(100, 0)
	}
	return discipline.New(config)
}

// read is what the counter shows.
func (m *machine) read(at instant) monotonic.Instant {
	ran := at
	if m.stall > 0 {
		period := after(stallEvery)
		ran = at/period*(period-m.stall) + min(at%period, period-m.stall)
	}
	ran += instant(math.Floor(m.rate * float64(ran)))
	return monotonic.Instant(m.origin + int64(ran/nanosecond))
}

// answer is what the clock that serves says, if it does.
func (m *machine) answer(b monotonic.Instant) told {
	bounds, ok := m.clocks[served].Bounds()
	if !ok || m.clocks[served].CounterFaulty() {
		return told{}
	}
	return told{bounds.At(b), true}
}

// epochs are those of all clocks. What was begun in another one is not used.
func (m *machine) epochs() (e [variants]uint64) {
	for v, d := range m.clocks {
		if d != nil {
			e[v] = d.Epoch()
		}
	}
	return e
}

// use gives facts to one of the clocks. What is refused is no more than not heard.
func (m *machine) use(v variant, server int, f discipline.Facts, epoch uint64, now monotonic.Instant) {
	_ = m.clocks[v].Add(server, f, epoch, now)
}

// look reads the clocks.
func (m *machine) look(at instant) {
	now := m.read(at)
	for v, d := range m.clocks {
		if d == nil {
			continue
		}
		bounds, ok := d.Bounds()
		if !ok || d.CounterFaulty() {
			m.heard[v].none++
			continue
		}
		i := bounds.At(now)
		if i.Lo > int64(at/nanosecond) || i.Hi < int64((at+nanosecond-1)/nanosecond) {
			m.heard[v].wrong++
		}
		m.heard[v].eps = append(m.heard[v].eps, time.Duration(i.Hi-i.Lo)/2)
	}
}
