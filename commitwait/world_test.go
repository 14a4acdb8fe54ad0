package commitwait

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

var (
	worlds    = flag.Int("commitwait.worlds", 50, "how many simulated worlds to run")
	firstSeed = flag.Uint64("commitwait.first", 0, "the seed of the first of them; 0 draws one")
)

// In every world waits come and are given up on a machine whose clock polls three servers of which
// one may lie, and which is paused, suspended, restored, cut off and started again. No wait may end with
// nil before its timestamp has passed in true time, and all must end once the machine is left alone.
func TestNoWaitOnAMachineEndsBeforeTrueTime(t *testing.T) {
	first := *firstSeed
	if first == 0 {
		first = rand.Uint64N(1 << 32)
	}
	seen := map[string]int{}
	for s := first; s < first+uint64(*worlds); s++ {
		w := newCommits(t, s, seen)
		w.Run(2 * time.Minute)
		w.calm = true
		w.Run(2 * time.Minute) // the clock answers again, and nobody waits for longer than a minute
		if w.wrong == nil && len(w.waiter.queue) > 0 {
			w.wrong = fmt.Errorf("%d wait for ever", len(w.waiter.queue))
		}
		require.NoError(t, w.wrong, "the same again: go test ./commitwait -run TestNoWaitOnAMachine -commitwait.worlds 1 -commitwait.first %d", s)
		require.NoError(t, w.waiter.Close())
	}
	t.Logf("from seed %d: %v", first, seen)
	for _, what := range []string{"passed", "given up", "no answer"} {
		require.Positive(t, seen[what], "no world had this: %s", what)
	}
}

// commits is a world with one machine and a Waiter on its clock. What the leader does it does itself, when
// the timer says so: all in one goroutine.
type commits struct {
	*truetimetest.World
	rng     *rand.Rand
	machine *truetimetest.Machine
	waiter  *Waiter
	waits   map[*wait]truetime.Time
	until   truetime.Time // the machine sleeps until then
	plan    int           // of the timer; older ones are void
	calm    bool
	seen    map[string]int
	wrong   error
}

func newCommits(t *testing.T, seed uint64, seen map[string]int) *commits {
	w := &commits{World: truetimetest.NewWorld(seed), rng: rand.New(rand.NewPCG(seed, 1)), waits: map[*wait]truetime.Time{}, seen: seen}
	claim := 1 + w.upTo(20*time.Millisecond)
	var links []truetimetest.Link
	for i := range 3 {
		behavior := truetimetest.Steady([]time.Duration{-claim, 0, claim}[w.rng.IntN(3)], claim)
		if i == 0 && w.rng.IntN(2) == 0 {
			behavior = truetimetest.Anywhere(4*claim, claim)
		}
		path := truetimetest.Path{There: truetimetest.Leg{Spread: 1 + w.upTo(claim)}, Back: truetimetest.Leg{Spread: 1 + w.upTo(claim), Loss: 0.05}}
		links = append(links, truetimetest.Link{Server: w.NewServer(fmt.Sprint("s", i), behavior), Path: path})
	}
	oscillator := truetimetest.Constant([]float64{-200, 0, 200}[w.rng.IntN(3)])
	w.machine = w.NewMachine("m", truetimetest.MachineConfig{Oscillator: oscillator, Sources: links, Poll: time.Second, MaxPoll: 4 * time.Second})
	var err error
	w.waiter, err = New(w.machine, WithSpin([]time.Duration{0, DefaultSpin}[w.rng.IntN(2)]))
	require.NoError(t, err)
	w.waiter.timer = w
	w.again(500*time.Millisecond, w.commit)
	w.again(40*time.Second, func() { w.disturb(links) })
	return w
}

func (w *commits) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}

func (w *commits) again(most time.Duration, do func()) {
	w.After(w.upTo(most)+1, func() {
		if !w.calm && w.wrong == nil {
			w.awake(do)
			w.again(most, do)
		}
	})
}

// awake has the process do something when it does not sleep.
func (w *commits) awake(do func()) {
	if left := w.until.Sub(w.Now()); left > 0 {
		w.After(left+1, func() { w.awake(do) })
	} else {
		do()
	}
}

// commit waits for a timestamp that was Latest, or is further ahead, as a prepare timestamp may be.
func (w *commits) commit() {
	now, err := w.machine.Now()
	if err != nil {
		w.seen["no answer"]++
		return
	}
	e := entry{now.Latest.Add(w.upTo(200*time.Millisecond) * time.Duration(w.rng.IntN(2))), &wait{done: make(chan error, 2)}}
	w.waits[e.wait] = e.timestamp
	w.waiter.join(e)
	w.appointed()
	if w.rng.IntN(4) == 0 {
		w.After(w.upTo(100*time.Millisecond), func() {
			w.awake(func() {
				if w.waiter.leave(e) {
					w.seen["given up"]++
					delete(w.waits, e.wait)
					w.waiter.handOver(e)
					w.appointed()
				}
			})
		})
	}
}

// lead is what serve does between two looks at the timer.
func (w *commits) lead() {
	for w.waiter.settle(true) {
		w.waiter.spinUntilNext()
	}
	for e, timestamp := range w.waits {
		for len(e.done) > 0 {
			switch err := <-e.done; {
			case err == lead:
			case err != nil:
				w.wrong = fmt.Errorf("after %v: %w", w.Elapsed(), err)
			default:
				w.seen["passed"]++
				delete(w.waits, e)
				if w.Now() <= timestamp {
					w.wrong = fmt.Errorf("after %v: it is %v, and %v was said to have passed", w.Elapsed(), w.Now(), timestamp)
				}
			}
		}
	}
	if l := w.waiter.leader; l != nil && l.index == absent {
		w.waiter.handOver(entry{wait: l})
		w.appointed()
	}
}

// appointed has a new leader begin.
func (w *commits) appointed() {
	if l := w.waiter.leader; l != nil && len(l.done) > 0 {
		w.lead()
	}
}

// Set is that of the timer, which fires when the world says so.
func (w *commits) Set(d time.Duration) {
	w.plan++
	plan := w.plan
	w.After(max(d, 1), func() {
		if plan == w.plan && w.wrong == nil {
			w.awake(w.lead)
		}
	})
}

func (*commits) Wait() bool { return false }
func (*commits) Close()     {}

// disturb has something happen to the machine.
func (w *commits) disturb(links []truetimetest.Link) {
	d := w.upTo(10 * time.Second)
	what := w.rng.IntN(5)
	if what < 3 {
		w.until = w.Now().Add(d)
	}
	switch what {
	case 0:
		w.machine.Pause(d)
	case 1:
		w.machine.Suspend(d)
	case 2:
		w.machine.Restore(d, true)
	case 3:
		w.machine.Restart() // of what polls, not of those who wait
	default:
		for _, l := range links {
			w.machine.Cut(l.Server, 4*d)
		}
	}
}
