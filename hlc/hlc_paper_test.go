package hlc_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

// The theorems and corollaries of Kulkarni, Demirbas, Madeppa, Avva, Leone, "Logical Physical
// Clocks and Consistent Snapshots in Globally Distributed Databases", 2014, section 3, on random
// traces of nodes that read skewed intervals. What happened before what is decided by vector
// clocks.
//
// The paper has a pair (l, c) where we have one number h. l.f is the greatest pt of f and of all
// events before it, and c.f is what h.f has on top of that, h.f − l.f.

// event is one event of a trace.
type event struct {
	node   int
	truth  int64 // true time
	pt     int64 // the physical time that the node read
	h      int64
	vector []int // of the events of each node, how many happened before, this one included
	before []int // those immediately before: on the same node, and the sending of the message
}

// trace is a run, in the order of true time.
type trace struct {
	events  []event
	nodes   int
	epsilon int64 // the most by which two nodes' pt may differ at one moment
	gap     int64 // d: the least time between two events of a node, and that a message takes
}

// happenedBefore decides by vector clocks.
func (tr *trace) happenedBefore(e, f int) bool {
	node := tr.events[e].node
	return e != f && tr.events[e].vector[node] <= tr.events[f].vector[node]
}

// l returns the greatest pt of f and of what happened before f.
func (tr *trace) l(f int) int64 {
	l := tr.events[f].pt
	for e := range tr.events {
		if tr.happenedBefore(e, f) {
			l = max(l, tr.events[e].pt)
		}
	}
	return l
}

func (tr *trace) c(f int) int64 { return tr.events[f].h - tr.l(f) }

// longest returns the number of steps of the longest chain from each event to f; −1 if there is
// none.
func (tr *trace) longest(f int) []int64 {
	steps := make([]int64, len(tr.events))
	for e := range steps {
		steps[e] = -1
	}
	steps[f] = 0
	for e := f; e >= 0; e-- { // what happened before has a lower index
		for _, b := range tr.events[e].before {
			if steps[e] >= 0 {
				steps[b] = max(steps[b], steps[e]+1)
			}
		}
	}
	return steps
}

type node struct {
	source manual
	clock  *hlc.Clock
	last   int // index of its last event, −1 if none
	vector []int
}

type message struct {
	to, sending int
}

// drawTrace runs up to 60 events on 2 to 4 nodes.
func drawTrace(t *rapid.T) *trace {
	tr := &trace{
		nodes: rapid.IntRange(2, 4).Draw(t, "nodes"),
		gap:   rapid.Int64Range(1, 40).Draw(t, "d"),
	}
	half := rapid.Int64Range(0, 500).Draw(t, "ε/2")
	tr.epsilon = 2 * half
	physical := rapid.SampledFrom([]hlc.PhysicalTime{hlc.Latest, hlc.Midpoint, hlc.Earliest}).Draw(t, "physical time")
	nodes := make([]*node, tr.nodes)
	for i := range nodes {
		nodes[i] = &node{last: -1, vector: make([]int, tr.nodes)}
		clock, err := hlc.New(&nodes[i].source, hlc.WithPhysicalTime(physical), hlc.WithTolerance(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		nodes[i].clock = clock
	}

	truth, flying := int64(start), []message(nil)
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		truth += rapid.Int64Range(1, 60).Draw(t, "pause")
		if len(flying) > 0 && rapid.Bool().Draw(t, "receive") {
			k := rapid.IntRange(0, len(flying)-1).Draw(t, "message")
			m := flying[k]
			flying = append(flying[:k], flying[k+1:]...)
			truth = max(truth, tr.events[m.sending].truth+tr.gap)
			truth = tr.happen(t, nodes, m.to, truth, half, physical, &m)
			continue
		}
		i := rapid.IntRange(0, tr.nodes-1).Draw(t, "node")
		truth = tr.happen(t, nodes, i, truth, half, physical, nil)
		if rapid.Bool().Draw(t, "send") {
			to := rapid.IntRange(0, tr.nodes-1).Draw(t, "to")
			flying = append(flying, message{to: to, sending: len(tr.events) - 1})
		}
	}
	return tr
}

// happen has node i do one step of the clock, and returns the true time of it.
func (tr *trace) happen(t *rapid.T, nodes []*node, i int, truth, half int64, physical hlc.PhysicalTime, m *message) int64 {
	n := nodes[i]
	e := event{node: i, vector: n.vector}
	if n.last >= 0 {
		e.before = append(e.before, n.last)
		truth = max(truth, tr.events[n.last].truth+tr.gap)
	}
	interval := truetime.Interval{
		Earliest: truetime.Time(truth - rapid.Int64Range(0, half).Draw(t, "early")),
		Latest:   truetime.Time(truth + rapid.Int64Range(0, half).Draw(t, "late")),
	}
	n.source.set(interval.Earliest, interval.Latest)
	e.truth = truth
	e.pt = int64(map[hlc.PhysicalTime]truetime.Time{
		hlc.Latest: interval.Latest, hlc.Midpoint: interval.Midpoint(), hlc.Earliest: interval.Earliest,
	}[physical])

	var h hlc.Timestamp
	var err error
	if m == nil {
		h, err = n.clock.Now()
	} else {
		sending := tr.events[m.sending]
		e.before = append(e.before, m.sending)
		for j, count := range sending.vector {
			n.vector[j] = max(n.vector[j], count)
		}
		h, err = n.clock.Update(hlc.Timestamp(sending.h), "sender")
	}
	if err != nil {
		t.Fatal(err)
	}
	e.h = int64(h)
	n.vector[i]++
	e.vector = append([]int(nil), n.vector...)
	n.last = len(tr.events)
	tr.events = append(tr.events, e)
	return truth
}

// checkTraces checks every event of many traces.
func checkTraces(t *testing.T, holds func(t *rapid.T, tr *trace, f int)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		tr := drawTrace(t)
		for f := range tr.events {
			holds(t, tr, f)
		}
	})
}

// Theorem 1: for any two events, e happened before f ⇒ (l.e, c.e) < (l.f, c.f).
// Reference: section 3, on the algorithm of figure 5.
func TestTheorem1WhatHappenedBeforeHasTheSmallerTimestamp(t *testing.T) {
	checkTraces(t, func(t *rapid.T, tr *trace, f int) {
		for e := range tr.events {
			if tr.happenedBefore(e, f) && tr.events[e].h >= tr.events[f].h {
				t.Fatalf("%+v happened before %+v", tr.events[e], tr.events[f])
			}
		}
	})
}

// Theorem 2: for any event f, l.f ≥ pt.f.
// Reference: section 3, on the algorithm of figure 5.
func TestTheorem2ATimestampIsNotBeforePhysicalTime(t *testing.T) {
	checkTraces(t, func(t *rapid.T, tr *trace, f int) {
		if tr.events[f].h < tr.events[f].pt {
			t.Fatalf("%+v", tr.events[f])
		}
	})
}

// Theorem 3: l.f denotes the maximum clock value that f is aware of: l.f > pt.f ⇒ there is a g that
// happened before f with pt.g = l.f. In one number: h.f is the greatest pt.g + k over all chains of
// k steps from a g to f, so nothing but a physical clock has ever pushed it ahead. Reference:
// section 3, on the algorithm of figure 5.
func TestTheorem3ATimestampGoesBackToAPhysicalTimeThatItHeardOf(t *testing.T) {
	checkTraces(t, func(t *rapid.T, tr *trace, f int) {
		want := int64(0)
		for g, steps := range tr.longest(f) {
			if steps >= 0 {
				want = max(want, tr.events[g].pt+steps)
			}
		}
		if tr.events[f].h != want {
			t.Fatalf("h = %d, want %d: %+v", tr.events[f].h, want, tr.events[f])
		}
	})
}

// Corollary 1: |l.f − pt.f| ≤ ε. It holds for h too, because time advances by at least as much as h
// along a chain.
// Reference: section 3, on the algorithm of figure 5. Section 3.2 shows that one number can drift
// away; that takes a tick longer than an event, and a nanosecond is not.
func TestCorollary1ATimestampIsWithinEpsilonOfPhysicalTime(t *testing.T) {
	checkTraces(t, func(t *rapid.T, tr *trace, f int) {
		e := tr.events[f]
		if e.h-e.pt > tr.epsilon || e.h-e.truth > tr.epsilon/2 {
			t.Fatalf("ε = %d: %+v", tr.epsilon, e)
		}
	})
}

// Theorem 4 and Corollary 2: c.f = k ∧ k > 0 ⇒ there are events g1 … gk, each before the next and
// all before f, that share l.f; so c.f ≤ |{g : g happened before f ∧ l.g = l.f}|. In one number the
// g are those whose h has reached l.f. Reference: section 3, on the algorithm of figure 5.
func TestTheorem4AndCorollary2TheLogicalPartCountsEventsThatShareThePhysicalOne(t *testing.T) {
	checkTraces(t, func(t *rapid.T, tr *trace, f int) {
		l, count := tr.l(f), int64(0)
		for g := range tr.events {
			if tr.happenedBefore(g, f) && tr.events[g].h >= l {
				count++
			}
		}
		if tr.c(f) < 0 || tr.c(f) > count {
			t.Fatalf("c = %d with %d such events: %+v", tr.c(f), count, tr.events[f])
		}
	})
}

// Corollary 3: c.f ≤ N(ε+1), if a node's physical clock ticks between any two of its events. In one
// number even c.f ≤ ε.
// Reference: section 3, on the algorithm of figure 5.
func TestCorollary3TheLogicalPartIsBounded(t *testing.T) {
	checkTraces(t, func(t *rapid.T, tr *trace, f int) {
		if c := tr.c(f); c > int64(tr.nodes)*(tr.epsilon+1) || c > tr.epsilon {
			t.Fatalf("c = %d, N = %d, ε = %d: %+v", c, tr.nodes, tr.epsilon, tr.events[f])
		}
	})
}

// Corollary 4: c.f ≤ ε/d + 1, if every step takes at least d ticks.
// Reference: section 3, on the algorithm of figure 5.
func TestCorollary4SlowMessagesKeepTheLogicalPartSmall(t *testing.T) {
	checkTraces(t, func(t *rapid.T, tr *trace, f int) {
		if c := tr.c(f); c > tr.epsilon/tr.gap+1 {
			t.Fatalf("c = %d, ε = %d, d = %d: %+v", c, tr.epsilon, tr.gap, tr.events[f])
		}
	})
}
