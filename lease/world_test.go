package lease

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// world is a simulated one: true time is a number, everything happens in one goroutine and in an
// order that the seed decides. Candidates are nodes; what passes between them and the store may be
// delayed, lost or late; clocks are wrong by as much as their intervals allow; processes are paused
// at any step.
type world struct {
	rng    *rand.Rand
	faults faults
	now    truetime.Time       // true time
	outer  *truetimetest.World // whose time it is, if there are machines; else queue's
	queue  queue
	serial int

	store *MemoryStore
	fence Fence
	nodes []*node

	tokens  map[Token]bool // handed out
	highest Token
	issued  truetime.Time // the largest timestamp or floor, of anybody
	history []porcupine.Operation
	count   map[string]int
	wrong   error // the first invariant that was broken
}

// faults says what can go wrong, as probabilities per occasion.
type faults struct {
	pause, loss, late, disruption, crash, release float64
}

var everything = faults{pause: 0.03, loss: 0.08, late: 0.03, disruption: 0.02, crash: 0.02, release: 0.03}

const (
	worldTTL     = time.Second
	worldRenew   = worldTTL / 3
	worldEpsilon = worldTTL / 8 // the largest uncertainty with which nodes act
	worldDelay   = worldTTL / 20
	leaseName    = "simulated"
)

func newWorld(seed uint64, nodes int, f faults) *world {
	w := &world{
		rng:    rand.New(rand.NewPCG(seed, 0)),
		faults: f,
		now:    truetime.FromStd(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)),
		store:  new(MemoryStore),
		tokens: map[Token]bool{},
		count:  map[string]int{},
	}
	for id := range nodes {
		n := &node{world: w, id: id, clock: simulatedClock{world: w, epsilon: w.upTo(worldEpsilon), edge: w.rng.IntN(4)}}
		w.nodes = append(w.nodes, n)
		w.after(w.upTo(worldTTL), n.begin)
	}
	return w
}

// run lets the world go on for d of true time.
func (w *world) run(d time.Duration) error {
	if w.outer != nil {
		w.outer.Run(d)
		return w.wrong
	}
	for end := w.now.Add(d); w.wrong == nil && len(w.queue) > 0 && w.queue[0].at <= end; {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.happen()
		w.examine()
	}
	return w.wrong
}

// examine looks for two holders. A node may call its lease Held at true time t if some interval
// around t lies before its expiry, so if t itself does; its present clock need not be as bad as
// that.
func (w *world) examine() {
	var holder *node
	for _, n := range w.nodes {
		if !n.mayHold() {
			continue
		}
		if holder != nil {
			w.broken("nodes %d (token %d) and %d (token %d) may both call it held", holder.id, holder.token, n.id, n.token)
		}
		holder = n
	}
}

func (w *world) broken(format string, values ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf("at %v: "+format, append([]any{w.now}, values...)...)
	}
}

func (w *world) after(d time.Duration, happen func()) {
	if w.outer != nil {
		w.outer.In(d, func() {
			if w.wrong == nil {
				w.now = w.outer.Now()
				happen()
				w.examine()
			}
		})
		return
	}
	w.serial++
	heap.Push(&w.queue, event{w.now.Add(d), w.serial, happen})
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d) + 1)) }

// record adds an operation to the history. Processes are named by node, but an operation of a node
// may overlap another, so each gets a client of its own.
func (w *world) record(from truetime.Time, in operation, out bool) {
	w.history = append(w.history, porcupine.Operation{
		ClientId: len(w.history), Input: in, Call: int64(from), Output: out, Return: int64(w.now),
	})
}

// simulatedClock contains true time, at an edge of its choice.
type simulatedClock struct {
	world   *world
	epsilon time.Duration
	edge    int
	refuses truetime.Time // until then
}

// read is what Config.now is in the library.
func (c *simulatedClock) read() (truetime.Interval, bool) {
	w := c.world
	if w.chance(w.faults.disruption / 4) {
		// A disruption: no answer for a while, and then a wider one, which is narrow again later.
		c.refuses = w.now.Add(w.upTo(worldTTL))
		c.epsilon = w.upTo(2 * worldEpsilon)
		c.edge = w.rng.IntN(4)
		w.after(w.upTo(4*worldTTL), func() { c.epsilon = w.upTo(worldEpsilon) })
		w.count["disruption"]++
	}
	if w.now < c.refuses || c.epsilon > worldEpsilon {
		return truetime.Interval{}, false
	}
	below := c.epsilon
	switch c.edge {
	case 0:
		below = 0 // true time is at Earliest
	case 1:
		below = 2 * c.epsilon // true time is at Latest
	case 2:
		below = w.upTo(2 * c.epsilon)
	}
	return truetime.Interval{Earliest: w.now.Add(-below), Latest: w.now.Add(2*c.epsilon - below)}, true
}

// request carries a request to the store and its reply back, or not. reply is called with the
// store's answer if it comes back before the node gives up, or else with an error.
func (w *world) request(a action, reply func(r Record, version uint64, err error)) {
	answered := false
	answer := func(r Record, version uint64, err error) {
		if !answered {
			answered = true
			reply(r, version, err)
		}
	}
	w.after(worldRenew, func() { answer(Record{}, 0, errTimeout) })
	if w.chance(w.faults.loss) {
		w.count["lost request"]++
		return
	}
	delay := w.upTo(worldDelay)
	if w.chance(w.faults.late) {
		delay = w.upTo(3 * worldTTL) // perhaps long after the node has given it up
		w.count["late request"]++
	}
	w.after(delay, func() {
		var r Record
		var version uint64
		var err error
		if a.verb == load {
			r, err = w.store.Load(context.Background(), leaseName)
		} else {
			version, err = w.store.CompareAndSwap(context.Background(), leaseName, a.version, a.next)
		}
		if w.chance(w.faults.loss) {
			w.count["lost reply"]++
			return
		}
		w.after(w.upTo(worldDelay), func() { answer(r, version, err) })
	})
}

var errTimeout = errors.New("no reply")

type event struct {
	at     truetime.Time
	serial int
	happen func()
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].serial < q[j].serial
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(e any)   { *q = append(*q, e.(event)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
