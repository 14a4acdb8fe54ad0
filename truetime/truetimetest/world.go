package truetimetest

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// instant is a moment in picoseconds of SI seconds since the world began. Roundings of a nanosecond
// are part of what a world is to find, and in 106 days nothing overflows.
type instant int64

const (
	nanosecond instant = 1000
	forever    instant = 1<<63 - 1
)

func after(d time.Duration) instant { return instant(d) * nanosecond }

// lifetime is how long a world may last.
const lifetime = 100 * 24 * time.Hour

// in is the moment d from now, or forever if that is after the world's end.
func (w *World) in(d time.Duration) instant {
	if d > lifetime-w.elapsed() {
		return forever
	}
	return w.now + after(max(d, 0))
}

// DefaultStart is true time when a world begins, unless [World.StartAt] says otherwise.
const DefaultStart truetime.Time = 1_800_000_000_000_000_000 // 2027-01-15

// World is a simulation. One goroutine at a time calls Run, and what happens in the world happens in that call, one
// thing after the other. Everything else may be called at any time from any goroutine, and so may the methods of
// machines and servers: a program under test reads machines' clocks while the world runs. What such a program
// then does depends on when its goroutines run, so only what is called from Run's goroutine, as by [World.In], can be
// repeated exactly. In a bubble of testing/synctest nobody calls Run: [NewWorldInBubble].
type World struct {
	mu         sync.Mutex // guards all that follows, and all of the machines and servers
	bubble     *bubble    // whose time is the world's; nil if Run lets it pass
	seed       uint64
	rng        *rand.Rand
	start      truetime.Time
	taiAtStart time.Duration // TAI−UTC then
	leaps      []leapSecond
	now        instant
	events     eventHeap
	sequence   uint64 // of events, so that those of one moment happen in the order in which they were planned
	machines   []*Machine
	servers    uint64 // how many there are
	trace      *trace
	observe    func(*Machine) // called before and after every publication
	polls      int
}

// NewWorld returns a world in which nothing has happened. Equal seeds and equal calls make equal
// worlds.
func NewWorld(seed uint64) *World {
	return &World{seed: seed, rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), start: DefaultStart, taiAtStart: 37 * time.Second}
}

// StartAt sets true time at the beginning of the world. It must be called before anything else. TAI is
// 37 s ahead of UTC then. It panics in a bubble, where true time is time.Now.
func (w *World) StartAt(t truetime.Time) {
	w.lock()
	defer w.mu.Unlock()
	if w.bubble != nil {
		panic("truetimetest: a world in a bubble begins at time.Now")
	}
	w.start = t
}

// Now returns true time, rounded down to the nanosecond.
func (w *World) Now() truetime.Time {
	w.lock()
	defer w.mu.Unlock()
	return w.truth()
}

func (w *World) truth() truetime.Time {
	now, _ := w.shown(truetime.ScaleUTCSmeared)
	return now
}

// Elapsed returns how many SI seconds have passed since the world began.
func (w *World) Elapsed() time.Duration {
	w.lock()
	defer w.mu.Unlock()
	return w.elapsed()
}

func (w *World) elapsed() time.Duration { return time.Duration(w.now / nanosecond) }

// Rand returns the world's source of randomness. What is drawn from it is part of the world: draw
// in the same order to get the same world, and from Run's goroutine only.
func (w *World) Rand() *rand.Rand { return w.rng }

// Run lets true time pass. It panics if the world would be older than 100 days, and in a bubble, where time.Sleep does it.
func (w *World) Run(d time.Duration) {
	w.lock()
	defer w.mu.Unlock()
	if w.bubble != nil {
		panic("truetimetest: in a bubble time passes by itself: use time.Sleep")
	}
	end := w.in(d)
	if end == forever {
		panic(errTooOld)
	}
	w.pass(end)
}

const errTooOld = "truetimetest: a world lasts no longer than 100 days"

// pass lets true time pass up to a moment.
func (w *World) pass(end instant) {
	for len(w.events) > 0 && w.events[0].at <= end {
		e := heap.Pop(&w.events).(event)
		w.now = max(w.now, e.at)
		e.happen()
	}
	w.now = max(w.now, end) // what happened may have called Run
}

// In plans that f is called when d has passed from now, by Run. It may call any method, Run too. In a bubble it must not
// wait for anything: what has to is a goroutine of the test's that sleeps.
func (w *World) In(d time.Duration, f func()) {
	w.lock()
	defer w.mu.Unlock()
	w.plan(w.in(d), func() { w.unlocked(f) })
}

// unlocked calls a function of the user's, which may call methods that lock the world.
func (w *World) unlocked(f func()) {
	w.mu.Unlock()
	defer w.mu.Lock()
	f()
}

func (w *World) plan(at instant, f func()) {
	w.sequence++
	heap.Push(&w.events, event{max(at, w.now), w.sequence, f})
	w.bubble.planned(w.events[0].sequence == w.sequence)
}

// Trace keeps the last lines of what happens from now on, and none if lines is 0. A line begins with the
// seconds since the world began.
func (w *World) Trace(lines int) {
	w.lock()
	defer w.mu.Unlock()
	if w.trace = nil; lines > 0 {
		w.trace = &trace{limit: lines}
	}
}

// TraceText returns the lines that were kept.
func (w *World) TraceText() string {
	w.lock()
	defer w.mu.Unlock()
	return strings.Join(w.traceLines(), "\n")
}

func (w *World) traceLines() []string {
	if w.trace == nil {
		return nil
	}
	return w.trace.lines[max(0, len(w.trace.lines)-w.trace.limit):]
}

func (w *World) note(format string, values ...any) {
	if w.trace != nil {
		w.trace.add(fmt.Sprintf("%13.6f %s", float64(w.now)/1e12, fmt.Sprintf(format, values...)))
	}
}

// trace is the last lines of a world's story.
type trace struct {
	limit int
	lines []string
}

func (t *trace) add(line string) {
	if len(t.lines) >= 2*t.limit {
		t.lines = append(t.lines[:0], t.lines[t.limit:]...)
	}
	t.lines = append(t.lines, line)
}

type event struct {
	at       instant
	sequence uint64
	happen   func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].sequence < h[j].sequence
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = event{}
	*h = (*h)[:last]
	return e
}
